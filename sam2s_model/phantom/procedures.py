"""Eight looks after the kinds of procedure in the data sets that SAM2S is trained and tested on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Procedure:
    """What is seen and used in one kind of procedure.

    Attributes:
        looks: Tissue that covers the scene. tissues: Kinds that lie in it.
        instruments: Classes that are used.
        border: How often the image has a dark round or cropped border.
        falloff: How quickly the light fades to the side, 1 for the usual.
        warmth: RGB gain of its cameras and light.
    """

    looks: tuple[str, ...]
    tissues: tuple[str, ...]
    instruments: tuple[str, ...]
    border: float = 0.2
    falloff: float = 1.0
    warmth: tuple[float, float, float] = (1.0, 1.0, 1.0)


_LAPAROSCOPIC = ('grasper', 'dissecting grasper', 'hook', 'scissors', 'clip applier', 'bipolar', 'suction')
_ROBOTIC = ('prograsp forceps', 'bipolar forceps', 'monopolar scissors', 'needle driver', 'vessel sealer')
_SEWING = ('suturing needle', 'thread')

PROCEDURES = {
    'cholecystectomy': Procedure(
        ('liver', 'gallbladder', 'omentum'), ('gallbladder', 'liver', 'fat', 'cystic duct', 'connective tissue'),
        (*_LAPAROSCOPIC, 'ligature', 'grasping retractor', 'catheter'), border=0.4, warmth=(1.0, 0.98, 0.92),
    ),
    'hysterectomy': Procedure(
        ('uterus', 'peritoneum', 'pelvis'), ('uterus', 'fat', 'small intestine', 'connective tissue'),
        (*_LAPAROSCOPIC, 'vessel sealer', 'needle holder', *_SEWING), warmth=(1.05, 0.95, 0.95),
    ),
    'prostatectomy': Procedure(
        ('pelvis', 'muscle', 'omentum'), ('fat', 'connective tissue', 'hepatic vein'),
        (*_ROBOTIC, 'suction', 'clip applier', *_SEWING), border=0.05, warmth=(1.08, 0.95, 0.9),
    ),
    'nephrectomy': Procedure(
        ('omentum', 'fascia', 'kidney', 'bowel'), ('kidney parenchyma', 'small intestine', 'fat', 'hepatic vein'),
        (*_ROBOTIC, 'grasping retractor', 'ultrasound probe', 'clamp', 'suction'), border=0.05,
    ),
    'rectal resection': Procedure(
        ('bowel', 'peritoneum', 'omentum'), ('small intestine', 'fat', 'spleen', 'connective tissue'),
        (*_ROBOTIC, 'grasper', 'clip applier', 'suction'), border=0.1, warmth=(1.02, 0.98, 0.95),
    ),
    'liver resection': Procedure(
        ('liver', 'bleeding', 'fascia'), ('liver', 'hepatic vein', 'gallbladder', 'fat'),
        (*_LAPAROSCOPIC, 'ultrasound probe', 'vessel sealer', 'clamp', 'ligature'), warmth=(0.98, 0.96, 1.0),
    ),
    'colonoscopy': Procedure(
        ('colon',), ('polyp',), ('snare', 'catheter', 'grasper'), border=0.85, falloff=1.3, warmth=(1.1, 0.95, 0.8),
    ),
    'gastroscopy': Procedure(
        ('stomach', 'cavity'), ('polyp',), ('snare', 'catheter', 'grasper', 'ligature'), border=0.8, falloff=1.3,
        warmth=(1.05, 0.95, 0.85),
    ),
}  # fmt: skip
