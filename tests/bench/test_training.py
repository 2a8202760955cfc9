import numpy as np
import pytest

from bench import training
from bench.made_up_leads import fields_file, made_up, resampled
from ml.fields.fields_file import loads
from tests.bench.folders import folder_of_leads

ROW = training.Row(
    leads=1_000,
    wall_seconds=2.5,
    processor_seconds=2.25,
    peak_megabytes=250,
    rounds_idle=300,
    rounds_training=90,
    **training._waits("score", [0.002] * 9, [0.003] * 9),
    **training._waits("table", [0.004] * 9, [0.004] * 9),
)


def test_made_up_leads_have_eleven_fields_and_both_outcomes():
    leads = made_up(2_000)
    assert len(loads(fields_file()).model) == 11
    names = {field.name for field in leads.fields.declared}
    assert all(set(record) == names for record in leads.records)
    assert 0.2 < np.mean(leads.converted) < 0.8
    assert made_up(2_000).records == leads.records


def test_a_role_turns_what_seats_mean():
    leads = made_up(5_000)
    rates = {}
    for is_user in (True, False):
        known = [
            (record["seats"] > 40, converted)
            for record, converted in zip(leads.records, leads.converted, strict=True)
            if isinstance(record["seats"], float) and (record["role"] == "role 1") == is_user
        ]
        rates[is_user] = [np.mean([c for large, c in known if large == x]) for x in (True, False)]
    assert rates[True][0] > rates[True][1] + 0.1
    assert rates[False][0] < rates[False][1] - 0.1


def test_leads_of_a_folder_are_drawn_with_their_outcomes(tmp_path):
    leads = resampled(folder_of_leads(tmp_path), 500)
    assert len(set(leads.lead_ids)) == len(leads.records) == len(leads.converted) == 500


def test_waits_are_told_as_ratios_to_idle_ones():
    assert (ROW.score_p99_ms, ROW.score_p99_ratio, ROW.table_p50_ratio) == pytest.approx(
        (2.0, 1.5, 1.0)
    )
    assert "| 1,000 | 2.5 | 2.2 | 250 | 300 / 90 | 2.0, 2.0 | 1.50 x, 1.50 x |" in training.table(
        [ROW]
    )
