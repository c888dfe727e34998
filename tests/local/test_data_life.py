"""What a stack knows of its data, in a shell that does not."""

from __future__ import annotations

from tests.local.conftest import Deployed

HOLDERS = "potential-bike-buyers.csv"


def test_a_forgotten_variable_does_not_hide_what_is_wrong_with_the_real_files(deployed: Deployed) -> None:
    checkout = deployed.checkout
    holders = checkout.data / HOLDERS
    good, versions = holders.read_text(encoding="utf-8-sig"), checkout.data_versions()
    first, _, others = good.partition("Bachelors")
    row = first.count("\n") + 1
    holders.write_text(f"{first}Bachelor{others}", encoding="utf-8-sig")
    del checkout.environment["MLOPS_DATA_DIR"]
    try:
        printed = checkout.tool("preview", "local", check=False)
    finally:
        checkout.environment["MLOPS_DATA_DIR"] = str(checkout.data)
        holders.write_text(good, encoding="utf-8-sig")
    assert f"the real data in {checkout.data} cannot be used; nothing was uploaded" in printed
    assert f"{HOLDERS}, column Education, row {row}: 'Bachelor' is no category" in printed
    assert "Traceback" not in printed
    assert checkout.data_versions() == versions


def test_both_ups_said_where_the_data_came_from(deployed: Deployed) -> None:
    for printed in (deployed.first, deployed.lost):
        assert f"Data: the files in {deployed.checkout.data}\n" in printed
        assert "\n  make up  " in printed  # the stack remembers: nothing has to stand before it
