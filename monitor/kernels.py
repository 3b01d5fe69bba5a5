"""The loops that run for every contact, compiled by Numba and cached beside this file.

They take and change plain arrays; what the arrays mean is said where they are made (`monitor.ks`, `monitor.sequential`,
`monitor.calibration`). This module is imported when the first contact comes, not with the package: Numba takes a
second to load.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]

BLOCK = 48
"""Codes whose prefix sums are kept together: an arrival renews two blocks, and a test joins all of them."""

MOST = 1e200
"""Evidence beyond it is cut: under a glaring drift it would overflow after some hundred contacts."""


@njit(cache=True, nogil=True)
def encode_numbers(values: Array, unique: Array, starts: Array, codes: Array) -> None:
    """Codes of numbers (rows, features): 2k between two unique values, 2k + 1 equal to one, the last but one of NaN."""
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            begin, end = starts[j], starts[j + 1]
            x = values[i, j]
            if math.isnan(x):
                codes[i, j] = 2 * (end - begin) + 1
                continue
            low, high = begin, end
            while low < high:
                middle = (low + high) >> 1
                if unique[middle] < x:
                    low = middle + 1
                else:
                    high = middle
            codes[i, j] = 2 * (low - begin) + (1 if low < end and unique[low] == x else 0)


@njit(cache=True, nogil=True)
def roll(
    codes: Array,
    every: int,
    ring: Array,
    cursor: Array,
    starts: Array,
    blocks: Array,
    reference: Array,
    rows: Array,
    present: Array,
    settled: Array,
    gaps: Array,
    stale: Array,
    sums: Array,
    highest: Array,
    lowest: Array,
    moved: Array,
    extremes: Array,
    statistic: Array,
) -> int:
    """Let contacts into the window and the oldest out of it.

    Writes D of every ``every``-th full window, if that is not 0, into ``statistic`` (windows, features), and renews
    ``extremes`` for the last one in any case. Returns how many windows were written.
    """
    size = ring.shape[0]
    written = 0
    for t in range(codes.shape[0]):
        place, held = cursor[0], cursor[1]
        for j in range(codes.shape[1]):
            start, values = starts[j], starts[j + 1] - starts[j]
            entering = codes[t, j]
            leaving = ring[place, j] if held == size else -1
            ring[place, j] = entering
            if entering == leaving:
                continue
            moved[j] = 1
            if 0 <= leaving < values:
                gaps[start + leaving] -= rows[j]
                stale[blocks[j] + leaving // BLOCK] = 1
                present[j] -= 1
            if entering < values:
                gaps[start + entering] += rows[j]
                stale[blocks[j] + entering // BLOCK] = 1
                present[j] += 1
        cursor[0] = (place + 1) % size
        cursor[1] = min(size, held + 1)
        cursor[2] += 1
        if every > 0 and cursor[1] == size and cursor[2] % every == 0:
            _renew(starts, blocks, reference, present, settled, gaps, stale, sums, highest, lowest, moved, extremes)
            for j in range(len(rows)):
                scale = rows[j] * present[j]
                statistic[written, j] = max(extremes[0, j], -extremes[1, j]) / scale if scale else np.nan
            written += 1
    _renew(starts, blocks, reference, present, settled, gaps, stale, sums, highest, lowest, moved, extremes)
    return written


@njit(cache=True, nogil=True)
def _renew(
    starts: Array,
    blocks: Array,
    reference: Array,
    present: Array,
    settled: Array,
    gaps: Array,
    stale: Array,
    sums: Array,
    highest: Array,
    lowest: Array,
    moved: Array,
    extremes: Array,
) -> None:
    """The largest and smallest prefix sum of each feature's gaps; only what has moved is summed anew."""
    for j in range(len(starts) - 1):
        if not moved[j]:
            continue
        moved[j] = 0
        more = present[j] - settled[j]
        if more:
            settled[j] = present[j]
            for k in range(starts[j], starts[j + 1]):
                gaps[k] -= more * reference[k]
            stale[blocks[j] : blocks[j + 1]] = 1
        # Slices, because Numba then knows that no index is negative.
        mine = gaps[starts[j] : starts[j + 1]]
        first, last = blocks[j], blocks[j + 1]
        old, sizes, ups, downs = stale[first:last], sums[first:last], highest[first:last], lowest[first:last]
        total, up, down = 0, 0, 0
        for b in range(len(old)):
            if old[b]:
                old[b] = 0
                part = mine[b * BLOCK : (b + 1) * BLOCK]
                run = part[0]
                high, low = run, run
                for k in range(1, len(part)):
                    run += part[k]
                    high = max(high, run)
                    low = min(low, run)
                sizes[b], ups[b], downs[b] = run, high, low
            up = max(up, total + ups[b])
            down = min(down, total + downs[b])
            total += sizes[b]
        extremes[0, j] = up
        extremes[1, j] = down


@njit(cache=True, nogil=True)
def float_statistic(
    j: int,
    starts: Array,
    blocks: Array,
    gaps: Array,
    reference: Array,
    sums: Array,
    highest: Array,
    lowest: Array,
    n: int,
    m: int,
    up: int,
    down: int,
) -> float:
    """D of a feature as the difference of two floating-point shares, rounded as scipy rounds it."""
    furthest = max(up, -down)
    best = 0.0
    total = 0
    for b in range(blocks[j], blocks[j + 1]):
        if total + highest[b] == furthest or total + lowest[b] == -furthest:
            begin = starts[j] + (b - blocks[j]) * BLOCK
            gap = total
            below = 0
            for k in range(starts[j], begin):
                below += reference[k]
            for k in range(begin, min(begin + BLOCK, starts[j + 1])):
                gap += gaps[k]
                below += reference[k]
                if abs(gap) == furthest:
                    best = max(best, abs(below / n - ((gap + m * below) // n) / m))
        total += sums[b]
    return best


@njit(cache=True, nogil=True)
def log_hypergeometric(k: int, marked: int, total: int, drawn: int) -> float:
    """The logarithm of P(k marked among ``drawn`` of ``total``, of which ``marked`` are)."""
    return float(
        math.lgamma(marked + 1) - math.lgamma(k + 1) - math.lgamma(marked - k + 1)
        + math.lgamma(total - marked + 1) - math.lgamma(drawn - k + 1) - math.lgamma(total - marked - drawn + k + 1)
        - math.lgamma(total + 1) + math.lgamma(drawn + 1) + math.lgamma(total - drawn + 1)
    )  # fmt: skip


@njit(cache=True, nogil=True)
def fisher_p(window_hits: int, window_rows: int, reference_hits: int, reference_rows: int) -> float:
    """Fisher's exact test of one share against another, two-sided by doubling the smaller tail."""
    marked, total = window_hits + reference_hits, window_rows + reference_rows
    if min(marked, total - marked, window_rows) == 0:
        return 1.0
    unmarked, k = total - marked, window_hits
    part = math.exp(log_hypergeometric(k, marked, total, window_rows))
    tail = part
    up = k * total >= marked * window_rows
    while part > tail * 1e-16:
        if up:  # the ratio of P(k + 1) to P(k), and below of P(k - 1) to P(k)
            part *= (marked - k) * (window_rows - k) / ((k + 1.0) * (unmarked - window_rows + k + 1.0))
            k += 1
        else:
            part *= k * (unmarked - window_rows + k) / ((marked - k + 1.0) * (window_rows - k + 1.0))
            k -= 1
        tail += part
    return min(1.0, 2.0 * tail)


@njit(cache=True, nogil=True)
def fisher_p_values(
    window_hits: Array, window_rows: Array, reference_hits: Array, reference_rows: Array, out: Array
) -> None:
    """`fisher_p` for many shares."""
    for i in range(len(out)):
        out[i] = fisher_p(window_hits[i], window_rows[i], reference_hits[i], reference_rows[i])


@njit(cache=True, nogil=True)
def bet(
    codes: Array,
    starts: Array,
    rows: Array,
    table: Array,
    table_starts: Array,
    bet_starts: Array,
    weight: Array,
    tempering: Array,
    groups: Array,
    sums: Array,
    pool: Array,
    seen: Array,
    products: Array,
    ages: Array,
    totals: Array,
) -> None:
    """The Shiryaev-Roberts recursion of `monitor.sequential` over some contacts, all bets at once."""
    totals[:] = 0.0
    evidence = np.empty(len(sums))
    for t in range(codes.shape[0]):
        for j in range(codes.shape[1]):
            first, last = bet_starts[j], bet_starts[j + 1]
            at = table_starts[j] + rows[starts[j] + codes[t, j]] * (last - first)
            gain = table[at : at + last - first]
            held, size, e = pool[first:last], seen[first:last], evidence[first:last]
            for q in range(len(gain)):
                held[q] += gain[q]
                size[q] += 1.0
                e[q] = gain[q] * size[q] / held[q]
            if tempering[first] != 1.0:
                for q in range(len(gain)):
                    e[q] = e[q] ** tempering[first]
        for q in range(len(sums)):
            sums[q] = min((1.0 + sums[q]) * evidence[q], MOST)
            # A bet that can only lose stands at 1, give or take rounding: that is no start either.
            ages[q] = 1.0 + (ages[q] if products[q] > 1.0 + 1e-9 else 0.0)
            products[q] = min(max(products[q], 1.0) * evidence[q], MOST)
        for q in range(len(sums)):
            totals[t, groups[q]] += weight[q] * sums[q]


@njit(cache=True, nogil=True)
def largest_distances(seed: int, rows: int, window: int, pane: int, contacts: int, out: Array) -> None:
    """For each run the largest D·√(nm/(n+m)) of one uniform feature, tested after every pane of a full window."""
    np.random.seed(seed)
    cells = 2 * rows + 1
    blocks = -(-cells // BLOCK)
    total = contacts + window
    ring = np.empty((window, 1), np.int64)
    cursor = np.zeros(3, np.int64)
    starts = np.array([0, cells])
    bounds = np.array([0, blocks])
    reference = np.zeros(cells, np.int64)
    reference[1::2] = 1
    gaps = np.empty(cells, np.int64)
    stale = np.empty(blocks, np.uint8)
    sums, highest, lowest = np.empty(blocks, np.int64), np.empty(blocks, np.int64), np.empty(blocks, np.int64)
    extremes = np.zeros((2, 1), np.int64)
    tests = total // pane + 1
    statistic = np.empty((tests, 1))
    codes = np.empty((total, 1), np.int64)
    n, present, settled = np.array([rows]), np.zeros(1, np.int64), np.zeros(1, np.int64)
    for run in range(len(out)):
        values = np.sort(np.random.random(rows))
        for t in range(total):
            codes[t, 0] = 2 * np.searchsorted(values, np.random.random())
        ring[:] = -1
        settled[:] = 0
        present[:] = 0
        cursor[:] = 0
        gaps[:] = 0
        stale[:] = 1
        written = roll(
            codes, pane, ring, cursor, starts, bounds, reference, n, present, settled, gaps, stale, sums,
            highest, lowest, np.ones(1, np.uint8), extremes, statistic,
        )  # fmt: skip
        most = 0.0
        for k in range(written):
            most = max(most, statistic[k, 0])
        out[run] = most * math.sqrt(rows * window / (rows + window))


@njit(cache=True, nogil=True)
def count_shares(codes: Array, starts: Array, share_of_code: Array, hits: Array) -> None:
    """How many contacts fall into each share."""
    hits[:] = 0
    for t in range(codes.shape[0]):
        for j in range(codes.shape[1]):
            place = share_of_code[starts[j] + codes[t, j]]
            if place >= 0:
                hits[place] += 1
