"""The list of public models that draglab knows by name: src/draglab/zoo/public_models.json, checked when it is read."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from draglab.errors import DraglabError
from draglab.problems import first_problem

PUBLIC_MODELS = Path(__file__).resolve().parent.parent / "zoo" / "public_models.json"

MAX_WHEEL = 64 << 20
"""Largest wheel, in bytes."""

_Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]*$", max_length=100)]


class _Strict(BaseModel):
    model_config = ConfigDict(defer_build=True, extra="forbid", strict=True, frozen=True)


class Licence(_Strict):
    """A model's licence, in plain words."""

    name: str
    url: str | None
    """Address of its text; None = there is none."""
    consequences: str
    """Permitted uses of the model, in one or two sentences."""
    asks: bool
    """Whether somebody must accept it before the first download: it is non-commercial, or no licence is stated."""

    def __str__(self) -> str:
        source = f" (see {self.url})" if self.url else ""
        return f"{self.name}: {self.consequences}{source}"


class Package(_Strict):
    """A Python package whose wheel holds a model's files. Nothing in it is installed or run."""

    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    version: str = Field(pattern=r"^[0-9]+(\.[0-9]+)*$")
    wheel: str = Field(pattern=r"^[a-zA-Z0-9_.]+(-[a-zA-Z0-9_.]+){4}\.whl$", max_length=200)
    """Name of the wheel's file."""
    bytes: int = Field(gt=0, le=MAX_WHEEL)
    sha256: _Hash
    members: dict[_Name, _Hash]
    """Names of the model's files in the wheel, without their folder -> SHA-256."""

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"


class PublicModel(_Strict):
    """One model: a published file, or one that is made of the files in a Python package."""

    alias: _Name
    """Short name: data, resolution and, where there are several, the kind ("ffhq-1024-sg3t")."""
    file: _Name
    """Published name of the file, and its name in the cache; changed where two publishers chose the same. Of a package:
    name of the file that it is converted to."""
    family: Literal["stylegan2", "stylegan3", "mobile_stylegan"]
    """Architecture; only those that draglab opens are listed."""
    height: int = Field(gt=0)
    width: int = Field(gt=0)
    format: str
    licence: str
    """Key of :attr:`Catalogue.licences`."""
    url: str = Field(pattern=r"^https?://")
    """Address of the file; of a package, that of its authors' page, for people."""
    package: Package | None = None
    """The package to fetch instead of an address; None = there is none."""
    by_hand: bool = False
    """Whether it must be downloaded in a browser (Google Drive asks questions in between)."""
    bytes: int | None = Field(default=None, gt=0)
    megabytes: int | None = Field(default=None, gt=0)
    """Approximate size, if the exact one is not known."""
    sha256: _Hash | None = None
    sha256_from: str | None = None
    """Source of the SHA-256."""

    @property
    def size_text(self) -> str:
        """Return the size as text for people."""
        if self.bytes is not None:
            return f"{self.bytes / 1e6:.0f} MB"
        return "unknown" if self.megabytes is None else f"{self.megabytes} MB"

    @property
    def source(self) -> str:
        """Return the name of what is fetched, for people: an address, or a package and its version."""
        return self.url if self.package is None else str(self.package)

    @model_validator(mode="after")
    def _check(self) -> Self:
        host = urlsplit(self.url).hostname
        if host == "drive.google.com" and not self.by_hand:
            raise ValueError(f"{self.alias}: a file on Google Drive is fetched by hand")
        if not self.url.startswith("https:") and host not in LOCAL_HOSTS:
            raise ValueError(f"{self.alias}: the address is not https")
        if (self.sha256 is None) != (self.sha256_from is None):
            raise ValueError(f"{self.alias}: a SHA-256 and who says so come together")
        converted = self.package is not None
        if converted and (self.by_hand or self.bytes or self.sha256 or not self.file.endswith(".safetensors")):
            raise ValueError(f"{self.alias}: what is converted from a package ends in .safetensors, of unknown bytes")
        return self


LOCAL_HOSTS = {"localhost", "127.0.0.1"}
"""Names of this machine, on which the tests run servers."""


class Catalogue(_Strict):
    """All public models."""

    licences: dict[str, Licence]
    subjects: dict[str, str] = Field(default_factory=dict)
    """First part of an alias -> what the model's images show, for people."""
    redirects: dict[str, list[str]]
    """Host of an address -> domains that it may redirect to; other hosts may redirect only to themselves."""
    models: list[PublicModel]

    @model_validator(mode="after")
    def _check(self) -> Self:
        seen: set[str] = set()
        for model in self.models:
            if model.licence not in self.licences:
                raise ValueError(f"{model.alias}: there is no licence {model.licence!r}")
            # Compared without case, as some file systems do.
            hashes = [model.sha256, model.package and model.package.sha256]
            keys = [model.alias.lower(), model.file.lower(), model.url, *filter(None, hashes)]
            for key in keys:
                if key in seen:
                    raise ValueError(f"{model.alias}: {key!r} occurs twice")
                seen.add(key)
        return self

    def find(self, name: str) -> PublicModel | None:
        """Return the model of an alias or of a published file's name; None = there is none."""
        return next((model for model in self.models if name in (model.alias, model.file)), None)

    def get(self, name: str) -> PublicModel:
        """Return the model of an alias or of a published file's name.

        Raises:
            DraglabError: there is none.
        """
        model = self.find(name)
        if model is None:
            raise DraglabError(f"there is no public model '{name}': draglab models list shows their names")
        return model

    def licence_of(self, model: PublicModel) -> Licence:
        """Return a model's licence."""
        return self.licences[model.licence]

    def subject_of(self, model: PublicModel) -> str:
        """Return what a model's images show; "" = not said."""
        return self.subjects.get(model.alias.partition("-")[0], "")

    def redirects_of(self, model: PublicModel) -> list[str]:
        """Return the domains that a model's server may redirect to, besides its own."""
        return self.redirects.get(urlsplit(model.url).hostname or "", [])


@cache
def read_catalogue(path: Path = PUBLIC_MODELS) -> Catalogue:
    """Read the list.

    Raises:
        DraglabError: it is missing or damaged.
    """
    try:
        return Catalogue.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DraglabError(f"cannot read the list of public models {path}: {error.strerror}") from None
    except ValidationError as error:
        raise DraglabError(
            f"the list of public models {path} is damaged: {first_problem(error)}; install draglab again"
        ) from None
