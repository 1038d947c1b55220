"""To examine a patient is to look for every symptom that it can have."""

from latentscape.core.findings import Skip
from latentscape.core.progress import steps
from latentscape.doctor.diagnosis import Diagnoses, Diagnosis
from latentscape.doctor.patient import Patient
from latentscape.doctor.registry import symptoms


def examine(patient: Patient) -> Diagnoses:
    """Look for all symptoms that can be seen by now.

    Parameters
    ----------
    patient : Patient
        A model, before or after training.

    Returns
    -------
    Diagnoses
        What is wrong, causes before what they cause.
    """
    possible = [
        symptom
        for symptom in symptoms()
        if patient.stage in symptom.stages and symptom.applies_to(patient.recipe)
    ]
    diagnoses, skipped = list[Diagnosis](), list[Skip]()
    for symptom in steps("examination", possible, lambda symptom: symptom.key.replace("_", " ")):
        missing = [need for need in symptom.needs if not patient.has(need)]
        if missing:
            skipped.append(Skip(item=symptom.key, reason=f"no_{missing[0]}"))
        elif (diagnosis := symptom.examine(patient)) is not None:
            diagnoses.append(diagnosis)
    skips = {skip.item for skip in skipped}
    return Diagnoses(
        stage=patient.stage,
        looked_at=patient.looked_at,
        n=len(patient.index),
        diagnoses=tuple(diagnoses),
        examined=tuple(symptom.key for symptom in possible if symptom.key not in skips),
        skipped=tuple(skipped),
        plan=patient.plan if patient.stage == "before" and patient.has("model") else None,
    )
