import numpy as np
import pytest
from numpy.typing import NDArray

from workers.fingerprints import MAX_DISTANCE, distance
from workers.pdq import dihedral


def mottled(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """Clouds of three sizes. Whole numbers throughout, so that they are the same everywhere."""
    y, x = np.mgrid[0:height, 0:width]

    def lattice(row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.int64]:
        mixed = row * 73_856_093 ^ column * 19_349_663 ^ seed * 83_492_791
        mixed = (mixed ^ mixed >> 13) * 0x5BD1E995 & 0xFFFFFFFF
        return (mixed ^ mixed >> 15) & 0xFF

    total = np.zeros((height, width), dtype=np.int64)
    for cell in (48, 24, 12):
        row, down = np.divmod(y, cell)
        column, right = np.divmod(x, cell)
        upper = lattice(row, column) * (cell - right) + lattice(row, column + 1) * right
        lower = lattice(row + 1, column) * (cell - right) + lattice(row + 1, column + 1) * right
        total += (upper * (cell - down) + lower * down) // cell
    return (total // 84).astype(np.uint8)


# These hashes and qualities are those of the authors' C++ program.
EIGHT = (
    "71fd7aa1c1b6db429c97d903c1b6da81fd6e649dc2e184880f73788dc6348173",
    "3fb36899c0c4227b5d8cf7a5512a4976e3746f76e2ab55b480d455393e893292",
    "24a8f02bd4e371e8c94273ab94e3702bec3bce3797f42e225a26d22793612bd9",
    "6ae682329591885108d9190f0477e3dcb621c5dcb5fe7f1ed5817f936bdc1838",
    "71e8815e81b624bd9c1722fcc196257ea96e9b62c2a17b770d738772c6343e8c",
    "24a86ff4d4e38e17c9428c5694e38fd4ec3b31c897f4d1dd5a262dd89361d426",
    "3fb3f7e6c0c4dd845d8c08da512ab689eb7490a9e2abaa4b80d4aac63e89cd6d",
    "6ae67dccd591772e08d9a2f0047f1c23b6213a23f7fe00e1d581006c6fdc67c7",
)


def test_the_eight_hashes_are_those_of_the_authors_program() -> None:
    hashes, quality = dihedral(mottled(288, 384, 1))
    assert tuple(found.hex() for found in hashes) == EIGHT
    assert quality == 100


# Windows of one, two and three pixels; faint pictures, whose quality lies between the ends.
@pytest.mark.parametrize(
    ("height", "width", "seed", "fainter", "quality", "expected"),
    [
        (384, 288, 1, 1, 100, "2b0beb814c68c82bab81ef77555e9ea50c59e8a5d5b8c15f77259c8aadd91023"),
        (384, 384, 4, 1, 100, "b8ddbac69227f09e8fc244b94f9ea9cb642ecbcb5d9c101b04db16317007bb70"),
        (216, 384, 5, 1, 100, "c4ee7275b913111236e0f64aaa2d341f93cdf4423768b042f9034fc576fe387c"),
        (384, 173, 11, 1, 100, "9c0ce8aef4ecfc0cfd7b981af61badc1fda1e0e39173600227ad604c6a50f8c3"),
        (384, 100, 1, 1, 100, "9989b4b446a2c62194a4fcbfe6235b784bca8d5067e2a7e5bcbc99cdfa6b4002"),
        (384, 288, 2, 2, 80, "88c9f6505c7ad9b0366936da5597492cafa0b9e4dd34a25b92b89caf4b852a2e"),
        (384, 288, 2, 4, 23, "88c9f6505c7ad9b0366936da5597492cafa0b9e4dd34a25b92b89caf4b852a2e"),
        (384, 384, 9, 6, 8, "f393a96e82d7428335be2d62713951bbe9c94c1bc271e04acbcae083488fdfe4"),
    ],
)
def test_other_shapes_have_the_hash_of_the_authors_program(
    height: int, width: int, seed: int, fainter: int, quality: int, expected: str
) -> None:
    hashes, found = dihedral(mottled(height, width, seed) // fainter)
    assert hashes[0].hex() == expected
    assert found == quality


@pytest.mark.parametrize("shape", [(384, 384), (288, 384), (384, 288)])
def test_each_of_the_eight_is_the_hash_of_the_picture_so_turned(shape: tuple[int, int]) -> None:
    for seed in range(4):
        pixels = mottled(*shape, seed)
        asked = dihedral(pixels)[0]
        turned = [
            pixels,
            np.rot90(pixels),
            np.rot90(pixels, 2),
            np.rot90(pixels, 3),
            np.flipud(pixels),
            np.fliplr(pixels),
            pixels.T,
            np.rot90(pixels, 2).T,
        ]
        hashes = [dihedral(picture)[0][0] for picture in turned]
        away = [[distance(pdq, each) for each in asked] for pdq in hashes]
        for index, bits in enumerate(away):
            # The sampling points do not lie in the very middle, so turning moves them a
            # pixel: up to 14 bits, with the authors' program as well.
            assert bits[index] <= 20
            assert min(bits[:index] + bits[index + 1 :]) > MAX_DISTANCE


@pytest.mark.parametrize("shape", [(288, 384), (384, 100), (216, 384)])
@pytest.mark.parametrize("value", [0, 1, 128, 255])
def test_a_flat_picture_has_quality_0(shape: tuple[int, int], value: int) -> None:
    assert dihedral(np.full(shape, value, dtype=np.uint8))[1] == 0


@pytest.mark.parametrize("shape", [(4, 384), (384, 1), (1, 1)])
def test_a_line_has_hashes_of_zeros_and_quality_0(shape: tuple[int, int]) -> None:
    assert dihedral(mottled(*shape, 1)) == ((bytes(32),) * 8, 0)


def test_the_quality_counts_whole_hundredths_of_the_steps() -> None:
    # A picture of 64 by 64 is its own grid: 31 steps in each of 64 rows. Ten of 255 are
    # 3.9 hundredths and count as three, two are 0.8 and count as nothing.
    stripes = np.tile(np.array([0, 0, 1, 1], dtype=np.uint8), (64, 16))
    assert dihedral(stripes * 10)[1] == dihedral(stripes.T * 10)[1] == 31 * 64 * 3 // 90
    assert dihedral(stripes * 2)[1] == 0


def test_pictures_of_nothing_but_stripes_do_not_share_a_hash_of_zeros() -> None:
    for width in (8, 12, 20, 30, 48):
        stripes = (np.arange(384) // width % 2 * 255).astype(np.uint8)
        for hashed in dihedral(np.tile(stripes, (288, 1)))[0]:
            assert 64 <= int.from_bytes(hashed).bit_count() <= 192


def test_the_picture_is_left_as_it_was_and_may_be_a_view() -> None:
    pixels = mottled(384, 384, 3)
    padded = np.pad(pixels, 7)
    padded.flags.writeable = False
    assert dihedral(padded[7:-7, 7:-7]) == dihedral(pixels)
    assert np.array_equal(pixels, mottled(384, 384, 3))
