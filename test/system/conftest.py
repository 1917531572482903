# SPDX-License-Identifier: Apache-2.0
"""What the system tests have in common: a lab in which a test failed leaves its logs behind."""
import pytest


@pytest.fixture(autouse=True)
def logs(request):
    lab = request.getfixturevalue("lab") if "lab" in request.fixturenames else None
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed > failed and hasattr(lab, "keep_logs"):
        lab.keep_logs()
