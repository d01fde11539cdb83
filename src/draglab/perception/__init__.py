"""Judges of pictures: LPIPS, landmark detectors and a descriptor of faces. No drag uses them, so they can judge it."""

from draglab.perception.detector import FACE_MESH, HAND, MULTI_PIE, Images, LandmarkDetector, Layout, found
from draglab.perception.dlib_faces import DlibLandmarks, FaceDescriptor, identity_distance
from draglab.perception.frechet import AlexNetFeatures, PictureFeatures, frechet_distance
from draglab.perception.heads import HeadLandmarks, LandmarkNet, load_landmark_net
from draglab.perception.lpips import LPIPS
from draglab.perception.mediapipe_landmarks import MediapipeFace, MediapipeHands

__all__ = [
    "FACE_MESH",
    "HAND",
    "LPIPS",
    "MULTI_PIE",
    "AlexNetFeatures",
    "DlibLandmarks",
    "FaceDescriptor",
    "HeadLandmarks",
    "Images",
    "LandmarkDetector",
    "LandmarkNet",
    "Layout",
    "MediapipeFace",
    "MediapipeHands",
    "PictureFeatures",
    "found",
    "frechet_distance",
    "identity_distance",
    "load_landmark_net",
]
