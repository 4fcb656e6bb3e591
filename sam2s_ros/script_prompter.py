"""Gives the prompts of a script to the tracker when the images they were drawn on go by."""

from __future__ import annotations

from itertools import groupby

from geometry_msgs.msg import Point32
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.task import Future
from sensor_msgs.msg import CompressedImage, Image

from sam2s_model import BoxPrompt, MaskPrompt
from sam2s_msgs.msg import Prompt, PromptResult
from sam2s_msgs.srv import AddPrompts, RemoveObjects
from sam2s_ros.bag_types import NANOSECONDS, cdr_stamp_ns
from sam2s_ros.image_codec import message_data
from sam2s_ros.prompt_script import PromptScript, ScriptedPrompt, ScriptedRemoval, ScriptEntry

# The prompter may see an image before the tracker has it; the answer is then one of these and the next try succeeds.
NOT_YET = (PromptResult.NO_IMAGE, PromptResult.STALE_STAMP)
MAX_TRIES = 25  # one try an image: a second at 25 fps


class ScriptPrompter(Node):
    """Watches an image topic and calls the tracker's `add_prompts` and `remove_objects` for each stamp of a script.

    A prompt whose very image does not arrive is given on the next one that does.

    Attributes:
        failures: One line for each prompt that the tracker refused, with its reason.

    Args:
        script: What to prompt, and when.
        image_topic: The topic the tracker listens to.
        image_type: Its message type, Image or CompressedImage.
        tracker: Name of the tracker node.
    """

    def __init__(
        self, script: PromptScript, image_topic: str, image_type: type[Image | CompressedImage], tracker: str
    ) -> None:
        super().__init__('script_prompter')
        self.failures: list[str] = []
        self._waiting = _requests(script)
        self._known: set[str] = set()
        self._tries = 0
        self._in_flight: Future | None = None
        self._client = self.create_client(AddPrompts, f'{tracker}/add_prompts')
        self._remover = self.create_client(RemoveObjects, f'{tracker}/remove_objects')
        self.create_subscription(image_type, image_topic, self._on_image, QoSProfile(depth=50), raw=True)

    @property
    def is_done(self) -> bool:
        """Whether every prompt of the script was answered."""
        return not self._waiting

    def wait_for_tracker(self, timeout_s: float) -> bool:
        """Wait until the tracker's service is there."""
        return bool(self._client.wait_for_service(timeout_s) and self._remover.wait_for_service(timeout_s))

    def _on_image(self, cdr: bytes) -> None:
        stamp = cdr_stamp_ns(cdr)
        if self._waiting and self._in_flight is None and stamp >= self._waiting[0][0]:
            self._request(stamp)

    def _request(self, image_stamp: int) -> None:
        anchor, prompts = self._waiting[0]
        if isinstance(prompts[0], ScriptedRemoval):
            removal = RemoveObjects.Request(object_ids=[entry.object_id for entry in prompts])
            self._tries = MAX_TRIES
            self._in_flight = self._remover.call_async(removal)
            self._in_flight.add_done_callback(self._on_answer)
            return
        request = AddPrompts.Request(return_masks=True, atomic=False)
        # The first try names the image of the script. If it was lost on the way, any later one has to do.
        stamp = anchor if self._tries < MAX_TRIES // 2 else image_stamp
        request.header.stamp.sec, request.header.stamp.nanosec = divmod(stamp, NANOSECONDS)
        request.prompts = [
            prompt_message(prompt, is_new=prompt.object_id not in self._known)
            for prompt in prompts
            if isinstance(prompt, ScriptedPrompt)
        ]
        self._tries += 1
        self._in_flight = self._client.call_async(request)
        self._in_flight.add_done_callback(self._on_answer)

    def _on_answer(self, future: Future) -> None:
        self._in_flight = None
        answer = future.result()
        if answer.code in NOT_YET and self._tries < MAX_TRIES:
            return
        _, prompts = self._waiting.pop(0)
        self._tries = 0
        ids, removes = {entry.object_id for entry in prompts}, isinstance(prompts[0], ScriptedRemoval)
        self._known = self._known - ids if removes else self._known | ids
        if not answer.success:
            names = ', '.join(prompt.object_id for prompt in prompts)
            self.failures.append(f'{"removal" if removes else "prompt"} of {names}: {answer.message}')
            self.get_logger().warning(self.failures[-1])


def prompt_message(scripted: ScriptedPrompt, is_new: bool) -> Prompt:
    """A prompt of a script as a message; later ones for an object correct the first or take its place."""
    later = Prompt.REPLACE if scripted.replaces else Prompt.CORRECT
    message = Prompt(object_id=scripted.object_id, label=scripted.label, mode=Prompt.NEW if is_new else later)
    prompt = scripted.prompt
    if isinstance(prompt, MaskPrompt):
        height, width = prompt.mask.shape
        pixels = message_data(prompt.mask.astype('uint8') * 255)
        message.mask = [Image(height=height, width=width, encoding='mono8', step=width, data=pixels)]
        return message
    message.points = [Point32(x=float(x), y=float(y)) for x, y in prompt.points]
    message.point_labels = list(prompt.labels)
    if isinstance(prompt, BoxPrompt):
        message.box = [float(edge) for edge in prompt.box]
    return message


def _requests(script: PromptScript) -> list[tuple[int, list[ScriptEntry]]]:
    """The entries that go into one request each: of one stamp, and prompts apart from removals, in their order."""
    grouped = groupby(script.entries, key=lambda entry: (entry.stamp_ns, isinstance(entry, ScriptedRemoval)))
    return [(stamp, list(entries)) for (stamp, _), entries in grouped]
