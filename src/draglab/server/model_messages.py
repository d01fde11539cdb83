"""The messages about models: which there are, which can be downloaded, and what is being done for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from draglab.server.library import ModelInfo
from draglab.server.loaded_models import Measuring
from draglab.server.message_parts import Name, Request
from draglab.server.model_downloads import Download, ModelOffer, OfferedLicence

# Client to server.


@dataclass(frozen=True, kw_only=True)
class ListModels(Request):
    """List the models; the folder is looked through again, too. Answered by ModelList, and again if there is news."""

    type: Literal["list_models"] = "list_models"


@dataclass(frozen=True, kw_only=True)
class DownloadModel(Request):
    """Download a model of ModelList.offers. accept_licence: True = the person has accepted its licence."""

    type: Literal["download_model"] = "download_model"
    model: Name
    accept_licence: bool = False


@dataclass(frozen=True, kw_only=True)
class StopDownload(Request):
    """Stop the download that this person has started, or put its failure away."""

    type: Literal["stop_download"] = "stop_download"


@dataclass(frozen=True, kw_only=True)
class StopMeasuring(Request):
    """Stop the measuring of a model; refused on a server with several persons."""

    type: Literal["stop_measuring"] = "stop_measuring"
    model: Name


ModelCommand = ListModels | DownloadModel | StopDownload | StopMeasuring


# Server to client.


@dataclass(frozen=True, kw_only=True)
class ModelList:
    """The models; part of Welcome, and sent when they change.

    models: those that can be edited, the default one first. offers: public models that this person may download;
    the licences are theirs. shared: whether the server has several persons.
    """

    type: Literal["model_list"] = "model_list"
    models: list[ModelInfo]
    offers: list[ModelOffer]
    licences: list[OfferedLicence]
    shared: bool


@dataclass(frozen=True, kw_only=True)
class ModelWork:
    """What is being done for models; part of Welcome, and sent when it changes.

    loading: names of the models that are being loaded; what needs one of them waits.
    """

    type: Literal["model_work"] = "model_work"
    loading: list[str]
    measuring: Measuring | None
    download: Download | None
