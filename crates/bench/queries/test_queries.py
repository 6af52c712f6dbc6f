"""What decides whether answers agree. Needs nothing but Python: `python3 -m unittest discover --start-directory crates/bench/queries`."""

import os
import unittest
from pathlib import Path

import questions
import race
import report
from engines import Engine, Refused


class Answering(Engine):
    """An engine whose answer to every question is known beforehand, in the form of SQL rows for Q1."""

    folder = Path("/nowhere")

    def __init__(self, kind: str, answer) -> None:
        self.kinds, self.answer = [kind], answer
        self.process = type("Process", (), {"pid": os.getpid()})()

    def run(self, kind: str, query: str, threads: int):
        if isinstance(self.answer, Exception):
            raise self.answer
        return 5.0, self.answer


def asked(*engines: Answering) -> dict[str, race.Figures]:
    figures = {engine.kinds[0]: race.Figures() for engine in engines}
    for is_warm_up in [True, False]:
        for engine in engines:
            race.ask(engine, engine.kinds[0], "Q1", 1, figures[engine.kinds[0]], is_warm_up)
    race.compare({"Q1": figures})
    return figures


class Comparing(unittest.TestCase):
    def test_equal_answers_in_another_order_and_with_empty_days_agree(self):
        figures = asked(Answering("duckdb", [["2026-01-02", 7], ["2026-01-01", 3]]), Answering("hoglet", [["2026-01-01", 3], ["2026-01-02", 7], ["2026-01-03", 0]]))
        self.assertEqual([one.state for one in figures.values()], ["ok", "ok"])

    def test_a_count_that_is_off_by_one_is_named_and_gets_no_ratio(self):
        figures = asked(Answering("duckdb", [["2026-01-01", 1_000_000]]), Answering("hoglet", [["2026-01-01", 1_000_001]]))
        self.assertEqual(figures["hoglet"].state, "differs")
        self.assertIn("1000000 against 1000001", figures["hoglet"].detail[0])
        self.assertIsNone(report.ratio_of(figures["hoglet"], figures["duckdb"], lambda one: one.median_ms))

    def test_a_wrong_answer_makes_the_run_fail_and_a_refusal_does_not(self):
        right = Answering("duckdb", [["2026-01-01", 3]])
        for answer, agrees in [([["2026-01-01", 4]], False), (Refused("not yet"), True), ([], False)]:
            outcome = race.Outcome(None, ["duckdb", "hoglet"], {1: {"Q1": asked(right, Answering("hoglet", answer))}})
            self.assertEqual(outcome.all_agree, agrees, answer)

    def test_an_engine_that_changes_its_mind_is_found_out(self):
        figures = race.Figures(facts={"2026-01-01": 3})
        race.ask(Answering("duckdb", [["2026-01-01", 4]]), "duckdb", "Q1", 1, figures, False)
        self.assertEqual(figures.state, "differs")

    def test_only_percentiles_may_be_near(self):
        self.assertEqual(questions.differences("Q4", {"US": 100.0}, {"US": 104.0}), [])
        self.assertNotEqual(questions.differences("Q4", {"US": 100.0}, {"US": 106.0}), [])
        self.assertNotEqual(questions.differences("Q1", {"2026-01-01": 100}, {"2026-01-01": 101}), [])

    def test_a_missing_cell_is_a_difference(self):
        self.assertEqual(questions.differences("Q7", {"2026-01-04 + 1": 5}, {}), ["2026-01-04 + 1: 5 against None"])


class Forms(unittest.TestCase):
    """The same facts, out of SQL rows and out of PostHog's results."""

    def check(self, query: str, rows: list, results: list) -> None:
        facts = questions.facts_of_rows(query, rows)
        self.assertTrue(facts)
        self.assertEqual(questions.differences(query, facts, questions.facts_of_results(query, results)), [])

    def test_trends(self):
        self.check("Q1", [["2026-01-02", 7]], [{"days": ["2026-01-01", "2026-01-02"], "data": [0, 7.0]}])
        self.check("Q3", [["2026-01-02", "Chrome", 7]], [{"breakdown_value": ["Chrome"], "days": ["2026-01-02"], "data": [7]}])
        self.check("Q4", [["US", 9.5]], [{"breakdown_value": "US", "aggregated_value": 9.5}])

    def test_funnels(self):
        self.check("Q5", [["", 3, 2, 1]], [{"count": 3}, {"count": 2}, {"count": 1}])
        steps = [{"breakdown_value": ["Linux"], "count": count} for count in [5, 4, 3, 2, 0]]
        self.check("Q6", [["Linux", 5, 4, 3, 2, 0]], [steps])

    def test_retention_and_lifecycle(self):
        self.check("Q7", [["2026-01-04", 0, 9], ["2026-01-04", 2, 4]], [{"date": "2026-01-04T00:00:00Z", "values": [{"count": 9}, {"count": 0}, {"count": 4}]}])
        self.check("Q9", [["2026-01-11", "dormant", 4]], [{"status": "dormant", "days": ["2026-01-04", "2026-01-11"], "data": [0, -4]}])

    def test_paths_keep_only_what_a_first_step_leads_to(self):
        rows = [["1_/a", "2_/b", 5, 10.0], ["2_/b", "3_/c", 3, 20.0], ["3_/lost", "4_/d", 9, 30.0]]
        names = ["source", "target", "value", "average_conversion_time"]
        self.check("Q8", rows, [dict(zip(names, row)) for row in rows[:2]])


if __name__ == "__main__":
    unittest.main()
