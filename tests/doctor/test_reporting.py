"""What people see of diagnoses: the first section of a report, and the terminal."""

from latentscape.api.console import print_run
from latentscape.api.pages.sections import sections
from latentscape.doctor.section import section
from latentscape.doctor.table import print_diagnoses
from latentscape.reporting.blocks import Aside, Chart, Plate
from synthetic import add, diagnoses, make_run, study_subject, subject


def test_a_report_opens_with_what_is_wrong(tmp_path):
    page = sections(subject(add(make_run(tmp_path), diagnoses())))
    assert [part.id for part in page[:2]] == ["doctor", "summary"]
    cause, evidence, pictures, others = page[0].blocks
    assert isinstance(cause, Aside)
    assert cause.heading.startswith("Trained too short: ")
    assert cause.paragraphs[-1] == "What mends it: --set train.epochs=40"
    assert isinstance(evidence, Chart)
    assert isinstance(pictures, Plate)
    assert isinstance(others, Aside)
    assert others.paragraphs[0].startswith(
        "Posterior collapse: 0 of 20 dimensions are active, and "
    )


def test_a_healthy_or_unexamined_run_has_no_such_section(tmp_path):
    healthy = diagnoses().model_copy(update={"diagnoses": ()})
    assert section(subject(add(make_run(tmp_path), healthy))) is None
    assert section(subject(make_run(tmp_path))) is None


def test_a_collapse_that_the_doctor_explains_is_not_told_twice(tmp_path):
    run = make_run(tmp_path, "collapsed", "collapsed")
    assert "This model does not use its code." in _headings(run)
    assert "This model does not use its code." not in _headings(add(run, diagnoses()))


def _headings(run):
    page = {part.id: part for part in sections(subject(run))}
    return [block.heading for block in page["summary"].blocks if isinstance(block, Aside)]


def test_the_report_of_a_study_names_the_cause_of_each_model(tmp_path):
    sick, well = add(make_run(tmp_path, "sick"), diagnoses()), make_run(tmp_path, "well")
    blocks = section(study_subject([sick], [well])).blocks
    assert [block.heading.partition(":")[0] for block in blocks] == ["sick"]


def test_symptoms_of_a_newer_version_are_left_out(tmp_path):
    run = add(make_run(tmp_path), diagnoses("unheard_of"))
    assert section(subject(run)) is None


def test_the_terminal_tells_the_first_cause_in_full(capsys):
    print_diagnoses("mine", diagnoses(), "latentscape doctor mine --try")
    text = capsys.readouterr().out
    assert "mine has 2 symptoms of the 3 looked for on 10 validation examples." in text
    assert "error  3.00 █▃▁ 1.50" in text
    assert "What mends it: --set train.epochs=40" in text
    assert "To see whether it does: latentscape doctor mine --try" in text
    assert "Not looked for, because there are no validation examples: over-fitting." in text


def test_a_healthy_run_gets_one_sentence(capsys):
    print_diagnoses("mine", diagnoses().model_copy(update={"diagnoses": (), "skipped": ()}))
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_training_ends_with_the_cause(tmp_path, capsys):
    print_run(subject(add(make_run(tmp_path), diagnoses())).rows[0])
    assert "What mends it: --set train.epochs=40" in capsys.readouterr().out
