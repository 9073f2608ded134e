"""The key of a shelf, by hand."""

from schemas.shelves import shelf_key

HOSPITAL = {"system": "HER", "id": "4219", "department": "EYE"}
SCHOOL = {"system": "ORG", "id": "975", "department": None}


def test_a_service_is_known_by_what_it_means_on_the_bus() -> None:
    service = {"code": "fys", "system": "local", "mapped": "PHYSIOTHERAPY"}
    assert shelf_key(HOSPITAL, service) == "slots|HER|4219|EYE|PHYSIOTHERAPY"


def test_a_service_that_the_bus_does_not_know_is_known_by_its_code() -> None:
    for mapped in ("UNKNOWN", ""):
        service = {"code": "fys", "system": "local", "mapped": mapped}
        assert shelf_key(SCHOOL, service) == "slots|ORG|975||local:fys"


def test_no_service_is_a_shelf_too() -> None:
    assert shelf_key(SCHOOL, {"code": "", "system": "local", "mapped": "UNKNOWN"}) == "slots|ORG|975||"
