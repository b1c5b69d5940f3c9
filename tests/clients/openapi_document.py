"""The OpenAPI document: the one that is served is the one that is committed, and a validator that is not ours takes it."""

import json
from pathlib import Path

from api import check, env, request, run_checks
from openapi_spec_validator import OpenAPIV31SpecValidator

COMMITTED = Path(__file__).parents[2] / "schemas" / "openapi" / "roadbook.json"


def main():
    committed = json.loads(COMMITTED.read_text(encoding="utf-8"))
    status, served = request("GET", f"{env('ROADBOOK_URL')}/v1/openapi.json")
    check(status == 200 and served == committed, "the served document is the committed one")
    errors = [f"/{'/'.join(map(str, error.path))}: {error.message}" for error in OpenAPIV31SpecValidator(served).iter_errors()]
    check(not errors, "openapi-spec-validator finds nothing wrong", errors[:20])
    operations = sum(len(item) for item in served["paths"].values())
    check(operations > 40, f"it describes {operations} operations")


if __name__ == "__main__":
    run_checks(main)
