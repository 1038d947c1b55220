"""Tables of errors, bounds and costs."""

import toys
from latentscape.api.pages.tables import by_class, results
from latentscape.evaluation.against_pca import Difference
from latentscape.evaluation.results import Evaluation, Latent
from latentscape.reporting.sentences import describe_supervision
from synthetic import DENSITY, EIGHT_BITS, add, change, study_subject, subject


def _column(table, name):
    place = [title for title, _ in table.head].index(name)
    return [row[place] for row in table.rows]


def _names(table):
    return [title for title, _ in table.head]


def test_the_best_of_each_column_is_marked_and_ties_share_it(run):
    errors = {"a": 0.5, "b": 0.5, "c": 1}
    (table,) = results(subject(*(run(name, error=error) for name, error in errors.items())))
    for name in ("MSE", "PSNR", "SSIM"):
        assert [cell.best for cell in _column(table, name)] == [True, True, False]
    assert [cell.text for cell in _column(table, "PSNR")] == ["17.50", "17.50", "15.00"]
    assert "Lower is better in every column but PSNR and SSIM." in table.caption


def test_a_column_stands_where_any_row_has_a_number(run):
    (table,) = results(subject(run(bernoulli=False)))
    assert "BCE" not in _names(table)
    (table,) = results(subject(run(bernoulli=False), run("b")))
    assert [cell.text for cell in _column(table, "BCE")] == ["–", "0.1000"]


def test_a_single_model_stands_beside_pca_and_the_mean_image(run):
    (table,) = results(subject(run("a", error=0.5)))
    assert [row[0].text for row in table.rows] == [
        "a",
        "PCA, 2 components",
        "The mean image alone",
    ]
    assert [cell.text for cell in _column(table, "MSE")] == ["0.005000", "0.01200", "0.03000"]


def test_classes_go_by_their_names(run):
    table = by_class(subject(run()))
    assert table is not None
    assert _names(table) == ["Model", "ring", "bar", "dot"]
    assert by_class(subject(run(labelled=False))) is None


def test_what_sets_a_row_apart_is_marked(run, variant):
    rows = run(), variant("collapsed"), variant("conditional")
    table, bounds, costs = results(subject(*rows))
    for body in (table.rows, costs.rows):
        assert [line[0].marks for line in body] == [(), ("collapsed",), ("labels",)]
    assert [line[0].marks for line in bounds.rows] == [("collapsed",), ("labels",)]
    sentence = describe_supervision(rows[2].supervision)
    assert f"“labels” (conditional): {sentence}" in table.caption
    assert "“collapsed” (collapsed): the code is not used." in table.caption


def test_columns_of_bounds_stand_where_any_row_has_them(run, variant, register):
    register(toys.ToyAnalysis())
    vae = [add(variant("vae", seed=s), toys.ToyResult(number=98.125)) for s in (0, 1)]
    errors, table, costs = results(study_subject(vae, [run()]))
    assert [(c.text, c.note) for c in _column(table, "ELBO")] == [("−100.5", "± 0.35")]
    assert [cell.text for cell in _column(table, "Rate")] == ["5.800"]
    assert [cell.text for cell in _column(table, "Active")] == ["4 of 6"]
    assert [cell.text for cell in _column(table, "Toy NLL")] == ["98.12"]
    assert [cell.text for cell in _column(costs, "Code")] == ["6", "2"]
    assert "These are scores" in table.caption
    assert "In this table higher ELBO and lower Toy NLL are better." in table.caption
    assert "dash" not in table.caption
    assert "Code" not in _names(errors)
    (table,) = results(study_subject([run()], [run("b")]))
    assert "ELBO" not in _names(table)


def test_the_best_bound_is_marked_among_bounds_on_the_same_pixels_alone(variant):
    one, other = change(variant("vae", "one"), Latent, elbo=-90.0), variant("vae", "other")
    table = results(subject(one, other))[1]
    assert [cell.best for cell in _column(table, "ELBO")] == [True, False]
    other = variant("vae", "other", changes={"data.binarize": "dynamic"})
    table = results(subject(one, other))[1]
    assert not any(cell.best for cell in _column(table, "ELBO"))
    assert "compare only on the same pixels" in table.caption


def test_no_best_bound_is_marked_where_a_model_is_given_labels(variant):
    one = change(variant("vae", "one"), Latent, elbo=-90.0)
    bounds = results(subject(one, variant("conditional")))[1]
    assert not any(cell.best for cell in _column(bounds, "ELBO"))
    assert "Those of conditional are of images whose labels are given" in bounds.caption


def test_no_best_bound_is_marked_among_data_that_differ(variant):
    one = change(variant("vae", "one"), Latent, elbo=-90.0)
    other = variant("vae", "other", facts={"fingerprint": "e" * 64})
    assert not any(cell.best for cell in _column(results(subject(one, other))[1], "ELBO"))


def test_no_best_error_is_marked_among_data_that_differ(run):
    """Black and white pixels are harder to reconstruct than grey ones."""
    one, other = run("a", error=0.5), run("b", facts={"fingerprint": "e" * 64})
    (table,) = results(subject(one, other))
    assert not any(cell.best for row in table.rows for cell in row)
    assert "No best is marked" in table.caption
    (table,) = results(subject(one, run("b")))
    assert [cell.best for cell in _column(table, "MSE")] == [True, False]
    assert "No best" not in table.caption


def test_bounds_of_different_kinds_are_never_ranked_against_each_other(variant):
    """A density of 907 is no better than a probability of -2,076; bits of the same data compare."""
    exact = {"likelihood": EIGHT_BITS, "elbo": -2076.0, "bits_per_dim": 3.82, "levels": 256}
    dense = {"likelihood": DENSITY, "elbo": 907.0, "bits_per_dim": 6.33, "levels": 256}
    logistic = change(variant("vae", "logistic"), Latent, **exact)
    density = change(variant("vae", "density"), Latent, **dense)
    score = variant("vae", "score")
    _, bits, densities, scores, _ = results(subject(logistic, density, score))
    assert [cell.best for cell in _column(bits, "Bits per dimension")] == [True, False]
    assert [cell.text for cell in _column(bits, "ELBO")] == ["−2,076", "–"]
    assert "A dash stands where a model has none of this kind." in bits.caption
    for table in (bits, densities, scores):
        assert not any(cell.best for cell in _column(table, "ELBO"))
    better = change(variant("vae", "better"), Latent, **{**dense, "elbo": 950.0})
    densities = results(subject(logistic, density, better))[2]
    assert [cell.best for cell in _column(densities, "ELBO")] == [False, True]


def test_neither_a_high_nor_a_low_rate_is_best(variant):
    table = results(subject(variant("vae", "a"), change(variant("vae"), Latent, rate=1.0)))[1]
    assert not any(cell.best for name in ("Rate", "Active") for cell in _column(table, name))


def test_pca_is_beaten_where_the_interval_says_so(run):
    differences = {
        "wins": Difference(mean=-0.01, se=0.001, n=60),
        "loses": Difference(mean=0.01, se=0.001, n=60),
        "open": Difference(mean=-0.001, se=0.001, n=60),
    }
    runs = [change(run(name), Evaluation, difference=item) for name, item in differences.items()]
    (table,) = results(subject(*runs))
    notes = [cell.note for cell in _column(table, "PCA’s MSE")]
    assert notes == ["beaten", "not beaten", "undecided"]
    assert "the 95 % interval of the difference, image by image" in table.caption


def test_what_is_not_like_for_like_has_a_star(run):
    table, *_ = results(subject(run("a"), run("b", "conditional"), run("c", "vq")))
    stars = [cell.note.endswith("*") for cell in _column(table, "PCA’s MSE")]
    assert stars == [False, True, True]
    assert "* b: Not like for like: the model gets the label of each image" in table.caption
    assert "* c: Not like for like: " in table.caption
    assert "indices of a codebook of 128 hold" in table.caption
