"""How an image's and a text's vector become one.

Each is divided by its norm, so that ``weight`` alone says how much the text counts:
``(image, weight * text) / sqrt(1 + weight^2)``, a row of length one. The squared distance of two
ads is the mean of those of their images and of their texts, weighted 1 to ``weight^2``.

A text that is not there must not be a place of its own. Zeros would be one: all ads without a text
would be near to one another. So the text that an ad without one is expected to have, given its
image, stands in for it: ridge regression of the texts on the images of those that have both (Hoerl
and Kennard, 1970), its penalty chosen by generalised cross-validation (Golub, Heath and Wahba,
1979), its value divided by its norm.

Either vector may be projected on its principal components first (about the mean, by the same
sample); what is left of it is divided by its norm again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bannercluster.errors import DataError
from bannercluster.kernels.native.products import row_products

PENALTIES = tuple(10.0 ** (exponent / 2) for exponent in range(-8, 5))
"""Ridge penalties that are tried, as multiples of the mean variance of an image's features."""


@dataclass(frozen=True, eq=False)
class Axes:
    """A projection: mean and principal components.

    Parameters
    ----------
    mean : (F,) float32 array
    components : (F, d) float32 array
        Orthonormal, of falling variance.
    share : float
        Share of the variance that they hold.
    """

    mean: np.ndarray
    components: np.ndarray
    share: float

    @classmethod
    def of(cls, rows: np.ndarray, n_components: int, what: str) -> Axes:
        """Find the principal components of rows.

        Raises
        ------
        DataError
            If the rows span fewer dimensions than are asked for.
        """
        mean = rows.mean(axis=0, dtype=np.float64)
        centred = rows - mean
        values, vectors = np.linalg.eigh(centred.T @ centred)
        values, vectors = values[::-1], vectors[:, ::-1]
        rank = int(np.count_nonzero(values > 1e-9 * values[0])) if values[0] > 0 else 0
        if n_components > rank:
            raise DataError(
                f"{n_components} components of the {what} vectors were asked for, and the "
                f"{len(rows)} of the sample span {rank} dimensions; expected at most so many: ask "
                f"for fewer"
            )
        share = float(values[:n_components].sum() / values.sum())
        kept = np.ascontiguousarray(vectors[:, :n_components], np.float32)
        return cls(mean.astype(np.float32), kept, share)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Project rows, (n, F) to (n, d) float32."""
        return _products(rows - self.mean, self.components)


@dataclass(frozen=True, eq=False)
class Expected:
    """The text that an image lets expect: ``mean + (image - image_mean) @ slope``.

    Parameters
    ----------
    image_mean : (F,) float32 array
    mean : (G,) float32 array
    slope : (F, G) float32 array
    penalty : float
        The chosen multiple of the mean variance.
    """

    image_mean: np.ndarray
    mean: np.ndarray
    slope: np.ndarray
    penalty: float

    @classmethod
    def of(cls, images: np.ndarray, texts: np.ndarray) -> Expected:
        """Fit the regression of texts (n, G) on images (n, F), both float32 of length one."""
        image_mean = images.mean(axis=0, dtype=np.float64)
        mean = texts.mean(axis=0, dtype=np.float64)
        x, y = images - image_mean, texts - mean
        n = len(x)
        # The smaller of the two Gram matrices has all that is needed.
        dual = n < x.shape[1]
        values, vectors = np.linalg.eigh(x @ x.T if dual else x.T @ x)
        values = np.maximum(values, 0.0)
        spread = values.sum() / x.shape[1]
        turned = vectors.T @ (y if dual else x.T @ y)
        power = np.square(turned).sum(axis=1)
        power = power if dual else power / np.maximum(values, np.finfo(float).tiny)
        total = float(np.square(y).sum())
        best = min(PENALTIES, key=lambda p: _gcv(values, power, total, n, p * spread))
        # A penalty above nothing even where all images are the same.
        scaled = turned / (values + max(best * spread, np.finfo(float).tiny))[:, None]
        slope = x.T @ (vectors @ scaled) if dual else vectors @ scaled
        return cls(
            image_mean.astype(np.float32), mean.astype(np.float32), slope.astype(np.float32), best
        )

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return the expected texts of images, (n, F) to (n, G) float32, not of length one."""
        found: np.ndarray = self.mean + _products(images - self.image_mean, self.slope)
        return found


def _gcv(values: np.ndarray, power: np.ndarray, total: float, n: int, penalty: float) -> float:
    """Generalised cross-validation score; ``power`` is what of the texts lies along each axis."""
    shrunk = values / np.maximum(values + penalty, np.finfo(float).tiny)
    rest = total - float(((2 * shrunk - shrunk**2) * power).sum())
    degrees = n - 1 - float(shrunk.sum())
    return rest / degrees**2 if degrees > 0 else np.inf


@dataclass(frozen=True, eq=False)
class Fusion:
    """What makes a row of an image and a text.

    Parameters
    ----------
    weight : float
        Of the text; 0 leaves it without effect, but in the row.
    image_axes, text_axes : Axes or None
    expected : Expected or None
        None in models of earlier versions, where every ad had a text as far as was known.
    """

    weight: float
    image_axes: Axes | None = None
    text_axes: Axes | None = None
    expected: Expected | None = None

    @classmethod
    def fit(
        cls,
        images: np.ndarray,
        texts: np.ndarray,
        *,
        weight: float,
        image_components: int = 0,
        text_components: int = 0,
    ) -> Fusion:
        """Fit what is fitted on ads that have both.

        Parameters
        ----------
        images : (n, F) float array
        texts : (n, G) float array
        weight : float
        image_components, text_components : int
            0 keeps the vector as it is.

        Raises
        ------
        DataError
            If there is no ad to fit on, or they span too few dimensions.
        """
        if not len(images):
            raise DataError("no banner has both an image and a text: run `bc text` first")
        x, y = unit(images), unit(texts)
        return cls(
            weight,
            Axes.of(x, image_components, "image") if image_components else None,
            Axes.of(y, text_components, "text") if text_components else None,
            # Also where no text is missing: one may be among the banners to come.
            Expected.of(x, y),
        )

    def __call__(self, images: np.ndarray, texts: np.ndarray, has_text: np.ndarray) -> np.ndarray:
        """Fuse rows.

        Parameters
        ----------
        images : (n, F) float array
        texts : (n, G) float array
            Anything where there is none.
        has_text : (n,) bool array

        Returns
        -------
        (n, n_features) float32 array
            Of length one, but where the image is zero.

        Raises
        ------
        DataError
            If a text is missing, and nothing stands in for it.
        """
        x, y = unit(images), unit(texts)
        if not has_text.all():
            expected = self.check_missing(int((~has_text).sum()))
            y[~has_text] = unit(expected(x[~has_text]))
        x = x if self.image_axes is None else unit(self.image_axes(x))
        y = y if self.text_axes is None else unit(self.text_axes(y))
        scale = 1.0 / np.sqrt(1.0 + self.weight**2)
        return np.concatenate([x * np.float32(scale), y * np.float32(self.weight * scale)], axis=1)

    def check_missing(self, n_without: int) -> Expected:
        """Return what stands in for missing texts.

        Raises
        ------
        DataError
            If nothing was fitted that could.
        """
        if self.expected is None:
            raise DataError(
                f"{n_without:,} banners have no text, and the model knows none to put in its "
                f"place: an earlier bannercluster fitted it while all banners had one; fit another "
                f"with `bc cluster`"
            )
        return self.expected

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all of it as arrays by name, to be saved with a model."""
        found = {"weight": np.array(self.weight)}
        for name, axes in (("image", self.image_axes), ("text", self.text_axes)):
            if axes is not None:
                found |= {
                    f"{name}_mean": axes.mean,
                    f"{name}_components": axes.components,
                    f"{name}_share": np.array(axes.share),
                }
        if self.expected is not None:
            found |= {
                "expected_image_mean": self.expected.image_mean,
                "expected_mean": self.expected.mean,
                "expected_slope": self.expected.slope,
                "expected_penalty": np.array(self.expected.penalty),
            }
        return found

    @classmethod
    def of_arrays(cls, found: Mapping[str, np.ndarray]) -> Fusion:
        """Read what :meth:`arrays` returned.

        Raises
        ------
        KeyError
            If one is missing.
        """

        def axes(name: str) -> Axes | None:
            if f"{name}_mean" not in found:
                return None
            share = float(found[f"{name}_share"])
            return Axes(found[f"{name}_mean"], found[f"{name}_components"], share)

        expected = None
        if "expected_mean" in found:
            expected = Expected(
                found["expected_image_mean"],
                found["expected_mean"],
                found["expected_slope"],
                float(found["expected_penalty"]),
            )
        return cls(float(found["weight"]), axes("image"), axes("text"), expected)


def _products(rows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Multiply rows (n, F) with a matrix (F, d), each as if it were alone."""
    found = np.empty((len(rows), matrix.shape[1]), np.float32)
    row_products(np.ascontiguousarray(rows), np.ascontiguousarray(matrix), found)
    return found


def unit(rows: np.ndarray) -> np.ndarray:
    """Return rows of length one as float32; a zero row stays zero."""
    wide = rows.astype(np.float64)
    norms = np.sqrt(np.square(wide).sum(axis=1, keepdims=True))
    found: np.ndarray = np.divide(wide, norms, out=wide, where=norms > 0).astype(np.float32)
    return found
