//! Where boxes and arrows stand: rows from top to bottom, one for each step away from the start.

use serde::Serialize;

const BOX_WIDTH: i64 = 216;
const BOX_HEIGHT: i64 = 74;
const GAP_X: i64 = 40;
const GAP_Y: i64 = 56;
const MARGIN: i64 = 16;
/// Room beside the boxes for an arrow that leads back or passes a row by.
const LANE: i64 = 22;

/// From one box to another, with the words on it.
pub(crate) struct Edge {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) label: String,
}

/// A box.
#[derive(Clone, Copy, Default, Serialize)]
pub(crate) struct Placed {
    pub(crate) x: i64,
    pub(crate) y: i64,
    pub(crate) w: i64,
    pub(crate) h: i64,
}

/// An arrow: the `d` of its path, and where its words stand.
#[derive(Serialize)]
pub(crate) struct Arrow {
    path: String,
    label: String,
    x: i64,
    y: i64,
}

/// The whole picture.
pub(crate) struct Layout {
    pub(crate) boxes: Vec<Placed>,
    pub(crate) arrows: Vec<Arrow>,
    pub(crate) width: i64,
    pub(crate) height: i64,
}

impl Layout {
    /// Places `count` boxes.
    pub(crate) fn of(count: usize, start: usize, edges: &[Edge]) -> Self {
        let ranks = ranks(count, start, edges);
        let rows = rows(&ranks, edges);
        let widest = rows.iter().map(Vec::len).max().unwrap_or(1);
        let far: Vec<&Edge> = edges.iter().filter(|edge| !is_step(&ranks, edge)).collect();
        let lanes = i64::try_from(far.len()).unwrap_or(0) * LANE;
        let inner = span(widest);
        let mut boxes = vec![Placed::default(); count];
        for (rank, row) in rows.iter().enumerate() {
            let left = MARGIN + (inner - span(row.len())) / 2;
            for (column, node) in row.iter().enumerate() {
                let (column, rank) = (i64::try_from(column).unwrap_or(0), i64::try_from(rank).unwrap_or(0));
                boxes[*node] = Placed {
                    x: left + column * (BOX_WIDTH + GAP_X),
                    y: MARGIN + rank * (BOX_HEIGHT + GAP_Y),
                    w: BOX_WIDTH,
                    h: BOX_HEIGHT,
                };
            }
        }
        let height = 2 * MARGIN + i64::try_from(rows.len()).unwrap_or(1) * (BOX_HEIGHT + GAP_Y) - GAP_Y;
        let mut lane = 0;
        let mut arrows = Vec::with_capacity(edges.len());
        for edge in edges {
            let (from, to) = (boxes[edge.from], boxes[edge.to]);
            if is_step(&ranks, edge) {
                arrows.push(step(from, to, leaving(edges, edge), edge));
            } else {
                lane += 1;
                arrows.push(around(from, to, MARGIN + inner + lane * LANE, edge));
            }
        }
        Self { boxes, arrows, width: 2 * MARGIN + inner + lanes, height }
    }
}

fn span(count: usize) -> i64 {
    let count = i64::try_from(count).unwrap_or(1).max(1);
    count * (BOX_WIDTH + GAP_X) - GAP_X
}

/// Whether an arrow goes to the very next row.
fn is_step(ranks: &[usize], edge: &Edge) -> bool {
    ranks[edge.to] == ranks[edge.from] + 1
}

/// Steps from the start along the shortest way; what no way leads to stands below.
fn ranks(count: usize, start: usize, edges: &[Edge]) -> Vec<usize> {
    let mut ranks = vec![usize::MAX; count];
    if let Some(first) = ranks.get_mut(start) {
        *first = 0;
    }
    let mut reached = vec![start];
    while let Some(next) = (!reached.is_empty()).then(|| reached.remove(0)) {
        for edge in edges.iter().filter(|edge| edge.from == next) {
            if ranks[edge.to] == usize::MAX {
                ranks[edge.to] = ranks[next] + 1;
                reached.push(edge.to);
            }
        }
    }
    let last = ranks.iter().filter(|rank| **rank != usize::MAX).max().map_or(0, |rank| rank + 1);
    ranks.iter().map(|rank| if *rank == usize::MAX { last } else { *rank }).collect()
}

/// The boxes of each row, each below the middle of those that lead to it, so that few arrows cross.
fn rows(ranks: &[usize], edges: &[Edge]) -> Vec<Vec<usize>> {
    let depth = ranks.iter().max().map_or(0, |rank| rank + 1);
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); depth];
    for (node, rank) in ranks.iter().enumerate() {
        rows[*rank].push(node);
    }
    for rank in 1..depth {
        let above = rows[rank - 1].clone();
        let middle = |node: &usize| {
            // The order of arrows that leave one box is kept: "event" stands left of "time-out" everywhere.
            let places: Vec<usize> = edges
                .iter()
                .enumerate()
                .filter(|(_, edge)| edge.to == *node)
                .filter_map(|(index, edge)| {
                    let column = above.iter().position(|known| *known == edge.from)?;
                    Some(column * 1_000 + index.min(999))
                })
                .collect();
            if places.is_empty() { usize::MAX } else { places.iter().sum::<usize>() / places.len() }
        };
        rows[rank].sort_by_key(middle);
    }
    rows
}

/// Where along its bottom a box lets an arrow out: `(which, of how many)`.
fn leaving(edges: &[Edge], edge: &Edge) -> (i64, i64) {
    let mine: Vec<&Edge> = edges.iter().filter(|other| other.from == edge.from).collect();
    let which = mine.iter().position(|other| std::ptr::eq(*other, edge)).unwrap_or(0);
    (i64::try_from(which).unwrap_or(0) + 1, i64::try_from(mine.len()).unwrap_or(1) + 1)
}

fn step(from: Placed, to: Placed, (which, of): (i64, i64), edge: &Edge) -> Arrow {
    let (x1, y1) = (from.x + from.w * which / of, from.y + from.h);
    let (x2, y2) = (to.x + to.w / 2, to.y);
    let middle = i64::midpoint(y1, y2);
    let path = format!("M{x1} {y1} C{x1} {middle} {x2} {middle} {x2} {}", y2 - 2);
    // Nearer to where it leaves than to where it arrives: there arrows from several boxes come together.
    Arrow { path, label: edge.label.clone(), x: x1 + (x2 - x1) * 2 / 5, y: y1 + (y2 - y1) * 2 / 5 + 4 }
}

/// Out of the right side, along a lane of its own, into the right side.
fn around(from: Placed, to: Placed, lane: i64, edge: &Edge) -> Arrow {
    let (x1, y1) = (from.x + from.w, from.y + from.h / 2 + 10);
    let (x2, y2) = (to.x + to.w + 2, to.y + to.h / 2 - 10);
    let path = format!("M{x1} {y1} L{lane} {y1} L{lane} {y2} L{x2} {y2}");
    Arrow { path, label: edge.label.clone(), x: x1 + 26, y: y1 - 6 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(from: usize, to: usize) -> Edge {
        Edge { from, to, label: String::new() }
    }

    #[test]
    fn boxes_never_overlap_also_with_loops_and_islands() {
        let edges = [edge(0, 1), edge(0, 2), edge(1, 3), edge(2, 3), edge(3, 0), edge(4, 4)];
        let layout = Layout::of(5, 0, &edges);
        for (index, a) in layout.boxes.iter().enumerate() {
            assert!(a.x >= 0 && a.x + a.w <= layout.width && a.y + a.h <= layout.height);
            for b in &layout.boxes[index + 1..] {
                assert!(a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y);
            }
        }
        assert_eq!(layout.arrows.len(), edges.len());
    }
}
