    30.000  FAULT observer-lies witness about taiwan
    50.000  END   observer-lies witness about taiwan
