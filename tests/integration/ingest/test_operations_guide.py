from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.integration.ingest.conftest import OpenDoor
from workers import measures

GUIDE = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()


def test_the_guide_names_every_metric_and_no_other(open_door: OpenDoor) -> None:
    said = open_door(METRICS_OPEN="true").client.get("/metrics").text
    told = {one.name for one in text_string_to_metric_families(said)}
    told |= {one.name for one in measures.REGISTRY.collect()}
    ours = {name for name in told if name.startswith("daybook_")}

    listed = "".join(line.split("|")[1] for line in GUIDE.splitlines() if line.startswith("| `daybook_"))
    named = {name.removesuffix("_total") for name in re.findall(r"`(daybook_\w+)`", listed)}

    assert named == ours
