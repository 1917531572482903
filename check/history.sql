-- SPDX-License-Identifier: Apache-2.0
-- The tables of holdfast-load. Run by a superuser; may be run again. psql variable: worker, the role that works.
-- Keys carry the transaction where a row that is applied twice shall show as two rows.
CREATE SCHEMA IF NOT EXISTS history;
CREATE TABLE IF NOT EXISTS history.members (
    value bigint, transaction bigint DEFAULT txid_current(), PRIMARY KEY (value, transaction));
CREATE TABLE IF NOT EXISTS history.loose (value bigint PRIMARY KEY);
CREATE TABLE IF NOT EXISTS history.accounts (id bigint PRIMARY KEY, balance bigint NOT NULL);
CREATE TABLE IF NOT EXISTS history.moves (
    number bigint, transaction bigint DEFAULT txid_current(), source bigint NOT NULL, target bigint NOT NULL,
    amount bigint NOT NULL, PRIMARY KEY (number, transaction));
CREATE TABLE IF NOT EXISTS history.lists (key bigint PRIMARY KEY, items bigint[] NOT NULL);
CREATE TABLE IF NOT EXISTS history.registers (key bigint PRIMARY KEY, value bigint NOT NULL);
-- LOAD_ACCOUNTS and LOAD_BALANCE of check/load.h.
INSERT INTO history.accounts SELECT id, 1000 FROM generate_series(0, 7) AS id ON CONFLICT DO NOTHING;

-- The epoch, as the agents write it down; elsewhere the table stays empty.
CREATE SCHEMA IF NOT EXISTS holdfast;
CREATE TABLE IF NOT EXISTS holdfast.proof (epoch bigint NOT NULL, node text PRIMARY KEY, at timestamptz NOT NULL);
GRANT USAGE ON SCHEMA history, holdfast TO :"worker";
GRANT SELECT ON holdfast.proof TO :"worker";
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA history TO :"worker";
