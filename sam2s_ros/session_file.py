"""Sessions on disk: who is tracked, how each looked where it was last trusted, and who pointed at what.

One JSON file, replaced as a whole; whoever reads it after a crash finds the last state or the one before.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sam2s_ros.atomic_file import write_atomically
from sam2s_ros.coco_runs import coco_counts, mask_of_coco
from sam2s_ros.object_registry import BadObjectId, Identity, check_object_id

FORMAT = 'sam2s_ros session 1'
SUFFIX = '.session.json'
NAME = re.compile(r'[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}')


class BadSession(ValueError):
    """A session cannot be written or read under that name; the message says why."""


@dataclass(frozen=True)
class SavedObject:
    """One object.

    Attributes:
        identity: Its id, slot and label.
        stamp_ns: Of the image on which it was last trusted; a key of `SavedSession.images`.
        mask: (H, W) bool on that image.
    """

    identity: Identity
    stamp_ns: int
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class SavedSession:
    """What a session file holds.

    Attributes:
        session_id: As in ~/tracks.
        frame_index: Number of the next image of the session.
        saved_ns: When it was written, nanoseconds since 1970.
        has_ended: Whether the node was ended in order; a session that was cut off is resumed by itself.
        objects: In the order in which they were added.
        images: JPEG files by stamp, nanoseconds.
        prompts: Entries of a prompt script, in the order in which they were applied.
        image_topic: Where the images came from.
        settings: All parameters by name, for the record.
    """

    session_id: str
    frame_index: int
    saved_ns: int
    has_ended: bool
    objects: tuple[SavedObject, ...] = ()
    images: Mapping[int, bytes] = field(default_factory=dict)
    prompts: tuple[dict[str, Any], ...] = ()
    image_topic: str = ''
    settings: Mapping[str, Any] = field(default_factory=dict)

    def image(self, stamp_ns: int) -> NDArray[np.uint8]:
        """The image of a stamp as (H, W, 3) RGB.

        Raises:
            BadSession: It is none.
        """
        bgr = cv2.imdecode(np.frombuffer(self.images[stamp_ns], np.uint8), cv2.IMREAD_COLOR)
        if bgr is None:
            raise BadSession(f'expected a JPEG image of stamp {stamp_ns}, came data that do not decode')
        return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def session_path(folder: Path, name: str) -> Path:
    """The file of a session of that name.

    Raises:
        BadSession: The name would lead out of the folder, or cannot be one.
    """
    if not NAME.fullmatch(name):
        raise BadSession(f'expected a name of 1 to 64 letters, digits, _ . and -, came {name[:80]!r}')
    path = folder / f'{name}{SUFFIX}'
    if path.is_symlink() or os.path.realpath(path.parent) != os.path.realpath(folder):
        raise BadSession(f'expected a plain file in {folder}, came {path.name}, which leads elsewhere')
    return path


def write_session(session: SavedSession, path: Path) -> None:
    """Write a session; the folder is made where it is missing. Only its owner may read it: it shows the patient.

    Raises:
        OSError: It cannot be written. What was there before is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(_values(session)), mode=0o600)


def read_session(path: Path) -> SavedSession:
    """Read a session.

    Raises:
        BadSession: It is none, or of a version that is not known.
        OSError: It cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        if not isinstance(content, dict) or content.get('format') != FORMAT:
            raise BadSession(f'{path}: expected the format {FORMAT!r}')
        return _session(content)
    except BadSession:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, BadObjectId) as error:
        raise BadSession(f'{path}: expected a session file, came {type(error).__name__}: {error}'[:300]) from error


def _values(session: SavedSession) -> dict[str, Any]:
    return {
        'format': FORMAT,
        'session_id': session.session_id,
        'frame_index': session.frame_index,
        'saved_ns': session.saved_ns,
        'has_ended': session.has_ended,
        'image_topic': session.image_topic,
        'settings': dict(session.settings),
        'objects': [_object_values(saved) for saved in session.objects],
        'prompts': list(session.prompts),
        'images': {str(stamp): base64.b64encode(data).decode('ascii') for stamp, data in session.images.items()},
    }


def _object_values(saved: SavedObject) -> dict[str, Any]:
    return {
        'object_id': saved.identity.object_id,
        'slot': saved.identity.slot,
        'label': saved.identity.label,
        'stamp_ns': saved.stamp_ns,
        'mask': {'size': list(saved.mask.shape), 'counts': coco_counts(saved.mask)},
    }


def _session(content: dict[str, Any]) -> SavedSession:
    images = {int(stamp): base64.b64decode(data, validate=True) for stamp, data in content['images'].items()}
    objects = tuple(_object(values) for values in content['objects'])
    if missing := {saved.stamp_ns for saved in objects} - images.keys():
        raise BadSession(f'expected an image of each object, missing are the stamps {sorted(missing)}')
    return SavedSession(
        session_id=str(content['session_id']),
        frame_index=int(content['frame_index']),
        saved_ns=int(content['saved_ns']),
        has_ended=bool(content['has_ended']),
        objects=objects,
        images=images,
        prompts=tuple(dict(values) for values in content['prompts']),
        image_topic=str(content['image_topic']),
        settings=dict(content['settings']),
    )


def _object(values: dict[str, Any]) -> SavedObject:
    object_id = str(values['object_id'])
    check_object_id(object_id)
    identity = Identity(object_id, int(values['slot']), str(values['label']))
    return SavedObject(identity, int(values['stamp_ns']), mask_of_coco(values['mask']))
