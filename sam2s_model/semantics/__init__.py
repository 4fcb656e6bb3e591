"""What a tracked object is: the semantic side branch of SAM2S, and the classes that it is compared with."""

from sam2s_model.semantics.branch import FrameView, MemoryView, SemanticBranch
from sam2s_model.semantics.instrument_bank import BadInstrumentBank, InstrumentBank, class_logits, read_bank, save_bank
from sam2s_model.semantics.labelling import ClassEvidence

__all__ = [
    'BadInstrumentBank',
    'ClassEvidence',
    'FrameView',
    'InstrumentBank',
    'MemoryView',
    'SemanticBranch',
    'class_logits',
    'read_bank',
    'save_bank',
]
