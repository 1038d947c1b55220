"""A number of clusters that is not that of the codes."""

from latentscape.analyses.clusters.clusterers import choose_number
from latentscape.doctor.diagnosis import Diagnosis, Plot
from latentscape.doctor.evidence import curve
from latentscape.doctor.patient import Patient
from latentscape.doctor.symptom import Symptom

CLEAR = 0.5
"""Silhouette from which on clusters stand apart (Kaufman and Rousseeuw 1990)."""

WORSE = 0.8


class ClusterCount(Symptom):
    """Codes fall into clusters that stand apart, and were cut into another number of them."""

    key = "cluster_count"
    title = "Wrong number of clusters"
    about = (
        f"Codes fall into clusters that stand apart, with a silhouette above {CLEAR:g}, and the "
        "number that was asked for has less than "
        f"{WORSE:g} of the best silhouette. Looked for once a run has been clustered."
    )

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Compare silhouettes of K-means."""
        asked, codes = patient.clusters, patient.held_out.codes.numpy()
        if asked is None or asked < 2 or len(codes) <= asked:
            return None
        best, choice = choose_number(codes, "silhouette", 0)
        scores = dict(choice.tried)
        if asked not in scores or scores[best] < CLEAR or scores[asked] > WORSE * scores[best]:
            return None
        return Diagnosis(
            symptom=self.key,
            value=asked,
            threshold=best,
            detail={"best": best, "silhouette": scores[best], "asked": scores[asked]},
            plot=Plot(
                x_label="clusters",
                y_label="silhouette",
                lines=(curve("silhouette", list(scores.values()), list(scores)),),
            ),
        )

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say how well either number fits."""
        return (
            f"{diagnosis.value:g} clusters have a silhouette of "
            f"{diagnosis.text('asked', 2)}, and {diagnosis.text('best')} have "
            f"{diagnosis.text('silhouette', 2)}"
        )

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say what another number does."""
        done = "cut in pieces" if diagnosis.value > diagnosis.fact("best") else "joined"
        return f"The codes fall into {diagnosis.text('best')} clusters, which are {done} here."

    def advice(self, diagnosis: Diagnosis) -> str:
        """Say how to ask for the other number."""
        best = diagnosis.text("best")
        return f"Cluster again: latentscape cluster RUN -k {best}, or n_clusters={best}."


SYMPTOM = ClusterCount()
