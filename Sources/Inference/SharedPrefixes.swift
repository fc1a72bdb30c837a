import Base
import Models
import Tensors

/// Tokens that several sequences of a batch begin with, computed once for all of them.
///
/// In the order of their tokens each sequence begins with some rows of one before it. No digit
/// tells whether it does: a row is shared only where each of its sequences alone would compute it
/// in the same way. Attention computes a tile of queries together: rows of a tile are shared by
/// sequences that go on to its end, or end together. The number of rows in a product may count
/// (`RowAgreement`): where it does, and where experts divide the rows of a unit among them, whole
/// units are shared.
package struct SharedPrefixes: Sendable {
  let batch: SequenceBatch

  /// `ROPECONV_SHARED_PREFIXES=off` computes every sequence from its first token: to see that no
  /// digit changes, and what sharing saves.
  private static let isWanted =
    EnvironmentVariable.sharedPrefixes.value != "off"

  /// Whether sequences of a model share anything. Not where a layer keeps more of a sequence than
  /// keys and values of its rows.
  package static func apply(to plan: ModelPlan) -> Bool { isWanted && plan.keepsOnlyKeysAndValues }

  /// Nil where nothing is shared: no two sequences begin alike, sharing would not pay, or this
  /// model's layers cannot share.
  /// - Parameters:
  ///   - pass: the model and its arithmetic.
  ///   - sequences: token ids.
  ///   - classes: the length class of each; others than its own have other digits.
  init?(_ pass: ForwardPass, _ sequences: [[Int32]], classes: [Int]) {
    guard sequences.count > 1, Self.apply(to: pass.plan) else { return nil }
    let order = sequences.indices.sorted { one, other in
      if classes[one] != classes[other] { return classes[one] < classes[other] }
      return sequences[one].lexicographicallyPrecedes(sequences[other])
    }
    var alike = [0]
    for (one, other) in zip(order, order.dropFirst()) {
      alike.append(
        classes[one] == classes[other]
          ? Self.commonPrefix(sequences[one], sequences[other]) : 0)
    }
    let cutting = PrefixCutting(
      pass, order: order, alike: alike, lengths: sequences.map(\.count), classes: classes)
    guard let batch = cutting.byTiles() ?? cutting.byUnits() else { return nil }
    self.batch = batch
  }

  private static func commonPrefix(_ one: [Int32], _ other: [Int32]) -> Int {
    let most = min(one.count, other.count)
    return (0..<most).first { one[$0] != other[$0] } ?? most
  }
}

extension ModelPlan {
  /// Whether all that later tokens need of a layer are keys and values of the rows before them.
  fileprivate var keepsOnlyKeysAndValues: Bool {
    layers.allSatisfy {
      $0.recipe.deltaRule == nil && $0.recipe.attention?.sharedVector == nil
        && $0.recipe.attention?.decay == nil
    }
  }

  /// The sizes and arithmetics of all products with weights of layers.
  fileprivate func products(_ arithmetic: Arithmetic) -> Set<LayerProduct> {
    var products: Set<LayerProduct> = []
    for layer in layers {
      for (role, source) in layer.weights where !role.isElementwise && !role.isTable {
        products.insert(
          LayerProduct(
            outputs: source.rows / source.blocks, inputs: source.columns,
            arithmetic: role.isFloat32 ? .float32 : arithmetic))
      }
    }
    return products
  }
}

private struct LayerProduct: Hashable {
  let outputs: Int
  let inputs: Int
  let arithmetic: Arithmetic
}

/// Where sequences that begin alike are cut.
private struct PrefixCutting {
  private let pass: ForwardPass
  /// The sequences, so that those that begin alike follow each other.
  private let order: [Int]
  /// Of each in that order, how many of its first tokens are those of the one before it.
  private let alike: [Int]
  private let lengths: [Int]
  private let classes: [Int]

  /// Fewer tokens in common are not worth a look.
  private static let least = 16

  private typealias Stretch = SequenceBatch.Stretch
  private let unitRows = SequenceBatch.unitRows

  init(_ pass: ForwardPass, order: [Int], alike: [Int], lengths: [Int], classes: [Int]) {
    self.pass = pass
    self.order = order
    self.alike = alike
    self.lengths = lengths
    self.classes = classes
  }

  /// Whole units are shared, and none has rows of two sequences: products are those of each
  /// sequence alone.
  func byUnits() -> SequenceBatch? {
    let rows = rows(upTo: lengths.map { $0 / unitRows * unitRows }) { $0 / unitRows * unitRows }
    guard let rows else { return nil }
    return rows.batch(
      units: rows.own.indices.flatMap { index in
        rows.stretches(index) { ($0 / unitRows + 1) * unitRows }.map { [$0] }
      })
  }

  /// Whole tiles are shared, and units hold tiles of several sequences, where products of as many
  /// rows agree. Rows of a sequence's last unit that no others agree with remain a unit of their
  /// own.
  func byTiles() -> SequenceBatch? {
    guard pass.plan.capacity.expertsUsed == 0 else { return nil }
    // How many rows hardly matters without something to share.
    guard alike.contains(where: { $0 >= Self.least }) else { return nil }
    let last = Set(lengths.map { $0 % unitRows }).subtracting([0])
    let agreeing = agreeing(last).union([0])
    let limits = lengths.map { length in
      agreeing.contains(length % unitRows) ? border(length) : length / unitRows * unitRows
    }
    // A tile that both have is computed whole for either: they may part within it.
    let rows = rows(upTo: limits, { $0 }) { agreeing.contains(lengths[$0] % unitRows) }
    guard let rows else { return nil }
    var units: [[Stretch]] = []
    var mixed: [[Stretch]] = []
    func close() -> Bool {
      defer { mixed = [] }
      guard let shared = pack(mixed.flatMap { $0 }) else { return false }
      units += shared
      return true
    }
    for (index, own) in rows.own.enumerated() {
      let length = lengths[own.sequence]
      let stretches = rows.stretches(index) { $0 / tile(at: $0) * tile(at: $0) + tile(at: $0) }
      guard !agreeing.contains(length % unitRows) else {
        mixed.append(stretches)
        continue
      }
      let start = length / unitRows * unitRows
      mixed.append(stretches.filter { $0.places.lowerBound < start })
      guard close() else { return nil }
      units.append(joined(stretches.filter { $0.places.lowerBound >= start }))
    }
    guard close() else { return nil }
    return rows.batch(units: units)
  }

  /// Queries of the largest tile of any layer around a place of a sequence.
  private func tile(at place: Int) -> Int {
    let start = place / unitRows * unitRows
    let tiles = pass.plan.layers.compactMap { layer in
      layer.recipe.attention.map {
        AttentionTile.queries(groupSize: $0.groupSize, position: start)
      }
    }
    let largest = tiles.max() ?? unitRows
    // The borders of the largest are those of all.
    let fits = unitRows.isMultiple(of: largest) && tiles.allSatisfy(largest.isMultiple)
    return fits ? largest : unitRows
  }

  /// The last border of tiles up to a place.
  private func border(_ place: Int) -> Int { place / tile(at: place) * tile(at: place) }

  /// Counts of rows whose products agree with those of whole units, in all layers.
  private func agreeing(_ counts: Set<Int>) -> Set<Int> {
    pass.plan.products(pass.arithmetic).reduce(counts) { left, product in
      left.isEmpty
        ? left
        : RowAgreement.agreeing(
          left, with: unitRows, outputs: product.outputs, inputs: product.inputs,
          arithmetic: product.arithmetic)
    }
  }

  /// Units of tiles that follow each other; nil where products of some unit would not agree.
  private func pack(_ tiles: [Stretch]) -> [[Stretch]]? {
    guard !tiles.isEmpty else { return [] }
    func rows(_ unit: [Stretch]) -> Int { unit.reduce(0) { $0 + $1.places.count } }
    var units: [[Stretch]] = [[]]
    for tile in tiles {
      if rows(units[units.count - 1]) + tile.places.count > unitRows { units.append([]) }
      units[units.count - 1].append(tile)
    }
    // The last one must not be too small.
    let last = units.count - 1
    while last > 0, units[last - 1].count > 1, agreeing([rows(units[last])]).isEmpty,
      let tile = units[last - 1].last, rows(units[last]) + tile.places.count <= unitRows
    {
      units[last].insert(units[last - 1].removeLast(), at: 0)
    }
    let counts = Set(units.map(rows))
    guard agreeing(counts) == counts else { return nil }
    return units.map(joined)
  }

  /// Tiles of one sequence within a unit of it attend one after another.
  private func joined(_ tiles: [Stretch]) -> [Stretch] {
    var joined: [Stretch] = []
    for tile in tiles {
      if let last = joined.last, last.keyStart == tile.keyStart,
        last.places.upperBound == tile.places.lowerBound,
        !tile.places.lowerBound.isMultiple(of: unitRows)
      {
        joined[joined.count - 1] = Stretch(
          places: last.places.lowerBound..<tile.places.upperBound, firstRow: last.firstRow,
          keyStart: last.keyStart, lengthClass: last.lengthClass, before: last.before)
      } else {
        joined.append(tile)
      }
    }
    return joined
  }

  /// What each sequence shares and has of its own.
  /// - Parameters:
  ///   - limits: the most rows of each sequence that it may share.
  ///   - border: the last place up to another where sequences may part.
  ///   - isFree: whether a sequence may part anywhere from others of its length.
  /// - Returns: nil where nothing is shared.
  private func rows(
    upTo limits: [Int], _ border: (Int) -> Int, isFree: (Int) -> Bool = { _ in false }
  ) -> PrefixRows? {
    let estimate = MemoryEstimate(
      plan: pass.plan, arithmetic: pass.arithmetic, threads: pass.threads)
    var shared: [PrefixRows.Shared?] = []
    for (place, sequence) in order.enumerated() {
      var (common, best) = (Int.max, PrefixRows.Shared(of: sequence, count: 0))
      for other in stride(from: place, to: 0, by: -1) {
        common = min(common, alike[other])
        guard common > best.count else { break }
        let candidate = order[other - 1]
        let count =
          lengths[candidate] == lengths[sequence] && isFree(sequence)
          ? common : border(min(common, limits[candidate], limits[sequence]))
        if count > best.count { best = PrefixRows.Shared(of: candidate, count: count) }
      }
      // Keys and values are gathered for a sequence that shares some: it must take less than they
      // do.
      let pays =
        best.count * estimate.bytesPerToken > lengths[sequence] * estimate.bytesPerGatheredToken
      shared.append(pays ? best : nil)
    }
    guard shared.contains(where: { $0 != nil }) else { return nil }
    return PrefixRows(order: order, shared: shared, lengths: lengths, classes: classes)
  }
}

/// The rows of sequences that begin with rows of others.
private struct PrefixRows {
  let own: [SequenceBatch.Own]
  private let paths: [[Range<Int>]]
  private var gathered: [SequenceBatch.Gathered] = []
  /// The first key of each in the order of `own`.
  private var keyStarts: [Int] = []
  private var keyRows: Int
  private let lengths: [Int]
  private let classes: [Int]

  /// The first rows of another sequence, so many.
  struct Shared {
    let of: Int
    let count: Int
  }

  /// - Parameters:
  ///   - order: sequences, in the order of their rows.
  ///   - shared: what each of them begins with of another before it.
  ///   - lengths: tokens of each sequence.
  ///   - classes: the length class of each.
  init(order: [Int], shared: [Shared?], lengths: [Int], classes: [Int]) {
    self.lengths = lengths
    self.classes = classes
    var own: [SequenceBatch.Own] = []
    var paths = [[Range<Int>]](repeating: [], count: lengths.count)
    var row = 0
    for (sequence, shared) in zip(order, shared) {
      let places = (shared?.count ?? 0)..<lengths[sequence]
      own.append(SequenceBatch.Own(sequence: sequence, places: places, firstRow: row))
      var path = shared.map { RowPath.rows(0..<$0.count, of: paths[$0.of]) } ?? []
      if !places.isEmpty { path.append(row..<(row + places.count)) }
      paths[sequence] = path
      row += places.count
    }
    self.own = own
    self.paths = paths
    keyRows = row
    for own in own {
      guard own.places.lowerBound > 0, !own.places.isEmpty else {
        keyStarts.append(own.firstRow)
        continue
      }
      keyStarts.append(keyRows)
      gathered.append(
        SequenceBatch.Gathered(keyStart: keyRows, rows: paths[own.sequence]))
      keyRows += lengths[own.sequence]
    }
  }

  /// The own rows of a sequence, cut at borders; `next` gives the first one after a place.
  func stretches(_ index: Int, _ next: (Int) -> Int) -> [SequenceBatch.Stretch] {
    let own = own[index]
    var stretches: [SequenceBatch.Stretch] = []
    var place = own.places.lowerBound
    let unit = place / SequenceBatch.unitRows * SequenceBatch.unitRows
    var before = RowPath.rows(unit..<place, of: paths[own.sequence])
    while place < own.places.upperBound {
      let end = min(next(place), own.places.upperBound)
      stretches.append(
        SequenceBatch.Stretch(
          places: place..<end, firstRow: own.firstRow + place - own.places.lowerBound,
          keyStart: keyStarts[index], lengthClass: classes[own.sequence], before: before))
      before = []
      place = end
    }
    return stretches
  }

  func batch(units: [[SequenceBatch.Stretch]]) -> SequenceBatch {
    SequenceBatch(
      lengths: lengths, own: own, paths: paths, gathered: gathered, keyRows: keyRows,
      units: units.map { SequenceBatch.Unit($0) })
  }
}
