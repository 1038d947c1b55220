"""What codes are good for: clusters, probes, maps, legibility, neighbours and anomalies.

Each part is a function of its own, for a run and for codes that were made elsewhere; `explore` does
all of them. What is found out about a run is kept with its findings, where the report shows it.
"""

from latentscape.analyses.clusters.method import METHODS as CLUSTERINGS
from latentscape.analyses.maps.method import METHODS as MAP_METHODS
from latentscape.analyses.probes.method import COUNTS, PROBES
from latentscape.api.exploration.bench import Bench, Ground, Made, gather_codes
from latentscape.api.exploration.parts import (
    PARTS,
    Watch,
    anomalies,
    check_parts,
    cluster,
    explore,
    is_customary,
    legibility,
    neighbour_images,
    probe,
    project,
    write_anomalies,
)
from latentscape.api.exploration.placing import check_map_file, keep_map, place

__all__ = [
    "CLUSTERINGS",
    "COUNTS",
    "MAP_METHODS",
    "PROBES",
    "PARTS",
    "Bench",
    "Ground",
    "Made",
    "Watch",
    "anomalies",
    "check_map_file",
    "check_parts",
    "cluster",
    "explore",
    "gather_codes",
    "is_customary",
    "keep_map",
    "legibility",
    "neighbour_images",
    "place",
    "probe",
    "project",
    "write_anomalies",
]
