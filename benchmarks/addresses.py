"""What pages and endpoints are asked by `benchmarks.pages`, and the service's world that their addresses name."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from urllib.parse import quote

from benchmarks import synthetic

#: A run with many sub-tasks.
RUN, STEPS, SUB_TASKS = "a-long-run", 10, 200
#: What a question is made of lies among what fills the service.
ASKED_KINDS = 1_000


@dataclass(frozen=True, slots=True)
class World:
    """What addresses name."""

    precedent: str
    hot: str
    incident: str
    deep: str
    pipeline: str
    resolution: str

    def text(self, number: int) -> str:
        """Another failure each time, of a kind that the service knows."""
        return synthetic.error(number % ASKED_KINDS, occurrence=number)

    def question(self, number: int) -> str:
        """Another one each time, as people ask: the middle of an error."""
        return quote(self.text(number)[:120])

    def filled(self, address: str, *, number: int) -> str:
        """An address, asked for the time of that number."""
        return address.format(question=self.question(number), number=number, **asdict(self))


#: Every page and endpoint that reads, by name; a new one is named here, and what writes in `benchmarks.writes`. Names
#: in braces are those of `World`.
ADDRESSES = {
    "page Ask": "/ui/",
    "page Ask, an example": "/ui/?example=slow-down",
    "page Incident": "/ui/incidents/{incident}",
    "page Difference": "/ui/incidents/{incident}/difference/{hot}",
    "page Incidents": "/ui/incidents",
    "page Incidents, pipeline": "/ui/incidents?pipeline={pipeline}",
    "page Incidents, verdict": "/ui/incidents?verdict=genuine",
    "page Incidents, told verdict": "/ui/incidents?advised=genuine",
    "page Incidents, decision": "/ui/incidents?decision=fail",
    "page Incidents, asked here": "/ui/incidents?asked=here",
    "page Incidents, precedent": "/ui/incidents?precedent={hot}",
    "page Incidents, run": f"/ui/incidents?run={RUN}",
    "page Incidents, week": "/ui/incidents?within=week",
    "page Incidents, nothing is left": "/ui/incidents?verdict=genuine&decision=default&asked=here&within=month",
    "page Sign in": "/ui/sign-in",
    "page Search": "/ui/search",
    "page Search, far on": "/ui/search?cursor={deep}",
    "page Search, verdict": "/ui/search?verdict=transient",
    "page Search, rare": "/ui/search?verdict=unknown&resolved=yes",
    "page Search, pipeline": "/ui/search?pipeline={pipeline}",
    "page Search, two facets": "/ui/search?verdict=transient&resolved=no",
    "page Search, four facets": "/ui/search?verdict=genuine&cause=code_defect&pipeline={pipeline}&within=week",
    "page Search, nothing is left": "/ui/search?verdict=transient&cause=code_defect&within=month&resolved=yes",
    "page Search, question": "/ui/search?q={question}",
    "page Search, question and two facets": "/ui/search?q={question}&verdict=genuine&resolved=no",
    "page Search, question and five facets": "/ui/search?q={question}&verdict=genuine&cause=code_defect"
    "&pipeline={pipeline}&within=month&resolved=no",
    "page Precedent": "/ui/precedents/{precedent}",
    "page Precedent that recurs": "/ui/precedents/{hot}",
    "page Merge": "/ui/precedents/{precedent}/merge?other={hot}",
    "page Runs": "/ui/runs",
    "page Run": f"/ui/runs/{RUN}",
    "page Step": f"/ui/runs/{RUN}/steps/step-0",
    "page Proposals": "/ui/proposals",
    "page Overview": "/ui/overview",
    "page Overview, a day": "/ui/overview?over=day",
    "page Overview, a month": "/ui/overview?over=month",
    "page Overview, a quarter": "/ui/overview?over=quarter",
    "endpoint table of a search": "/ui/search.csv?verdict=transient",
    "endpoint file of a search": "/ui/search.json?verdict=transient",
    "endpoint file of a question": "/ui/search.json?q={question}",
    "endpoint search": "/search?q={question}",
    "endpoint search, 100 results": "/search?q={question}&limit=100",
    "endpoint search, five filters": "/search?q={question}&verdict=genuine&cause=code_defect&pipeline={pipeline}"
    "&since=2026-01-01T00:00:00Z&resolved=false",
    "endpoint incidents": "/incidents?limit=50",
    "endpoint incidents, 200": "/incidents?limit=200",
    "endpoint incidents of a precedent": "/incidents?limit=50&precedent={hot}",
    "endpoint incidents of a pipeline": "/incidents?limit=50&pipeline={pipeline}",
    "endpoint incidents of a run": f"/incidents?limit=50&run={RUN}",
    "endpoint incidents of a cause": "/incidents?limit=50&cause=code_defect",
    "endpoint incidents, rare": "/incidents?limit=50&verdict=unknown&pipeline={pipeline}&cause=preemption",
    "endpoint incident": "/incidents/{incident}",
    "endpoint precedent": "/precedents/{hot}",
    "endpoint history": "/precedents/{hot}/history",
    "endpoint proposals": "/resolutions",
    "endpoint proposals of a precedent": "/resolutions?precedent={hot}",
    "endpoint storms": "/storms",
    "endpoint storms that go on": "/storms?active=true",
    "endpoint calibration": "/calibration",
    "endpoint runs": "/runs?limit=50",
    "endpoint runs of a pipeline": "/runs?limit=50&pipeline=hot-0&status=failed",
    "endpoint run": f"/runs/{RUN}",
    "endpoint resume point": f"/runs/{RUN}/resume-point",
    "endpoint step": f"/runs/{RUN}/steps/step-0",
    "endpoint sub-tasks": f"/runs/{RUN}/steps/step-0/sub-tasks",
    "endpoint sub-task": f"/runs/{RUN}/steps/step-0/sub-tasks/part-0",
    "endpoint reusable": "/sub-tasks/reusable?pipeline=hot-0&step=step-0&sub_task=part-7&inputs_hash=" + f"{7:064x}",
    "endpoint decisions of a run": f"/runs/{RUN}/decisions",
    "endpoint decisions": "/decisions",
    "endpoint decisions, question": "/decisions?q={question}",
    "endpoint schemas": "/schemas",
    "endpoint schema": "/schemas/ml-pipeline",
    "endpoint description": "/openapi.json",
    "endpoint documentation": "/docs",
    "endpoint for agents": "/llms.txt",
    "endpoint live": "/health/live",
    "endpoint ready": "/health/ready",
    "endpoint metrics": "/metrics",
}
