import Checkpoints
import OrderedCollections
import Rotary
import Tensors

/// Finds a tensor for every weight the architecture needs and accounts for every tensor there is.
struct WeightDirectory {
  let parameters: Hyperparameters
  let shape: ModelShape
  let recipes: [LayerRecipe]

  private(set) var globals: [Role: WeightSource] = [:]
  private(set) var layers: [[Role: WeightSource]] = []
  /// Of each layer, the weights of each expert.
  private(set) var experts: [[[Role: WeightSource]]] = []
  private(set) var ignored: [TensorEntry] = []

  init(parameters: Hyperparameters, shape: ModelShape, recipes: [LayerRecipe]) {
    self.parameters = parameters
    self.shape = shape
    self.recipes = recipes
  }

  private var checkpoint: Checkpoint { parameters.checkpoint }
  /// Missing tensors with which the search ends.
  private static let mostMissing = 4096

  /// Resolves all weights.
  /// - Parameter keepsExtra: unexpected tensors join those that are ignored.
  /// - Throws: `ModelError.tensors` with every missing and every unexpected tensor.
  mutating func resolve(keepsExtra: Bool) throws {
    // Two roles may be parts of one tensor.
    var missing: OrderedSet<String> = []
    var used: Set<String> = []
    layers = Array(repeating: [:], count: recipes.count)
    experts = recipes.map { Array(repeating: [:], count: $0.experts?.count ?? 0) }
    // Tensors of factors are those of layers that look far.
    let scores = RotaryConfiguration(layers: recipes.map(\.rotation)).scores
    let rotaryPairs = scores.first?.pairs ?? 0
    func layout(_ layer: Int?) -> WeightLayout {
      WeightLayout(
        shape: shape, recipe: layer.map { recipes[$0] }, layer: layer ?? 0, side: parameters.side,
        rotaryPairs: rotaryPairs)
    }
    let whole = layout(nil)
    let layouts = recipes.indices.map(layout)
    var spare: Set<String> = []
    // A tensor that is one role's alone is not another's.
    var owners: [String: Role] = [:]
    for (role, names) in parameters.architecture.weights {
      let alternatives = names.alternatives(on: parameters.side)
      guard let first = alternatives.first else { continue }
      func find(layer: Int?, expert: Int?) throws -> WeightSource? {
        let found = alternatives.enumerated().compactMap { index, name in
          let tensorName = name.tensorName(layer: layer, expert: expert)
          return owners[tensorName].map { $0 == role } ?? true
            ? checkpoint.tensors[tensorName].map { (index, name, tensorName, $0) } : nil
        }.first
        guard let (alternative, name, tensorName, tensor) = found else {
          if !names.optional || (layer.map { needs(role, in: recipes[$0]) } ?? false) {
            missing.append(first.tensorName(layer: layer, expert: expert))
            // A number of layers or experts that is wrong: its millions of names take long to make.
            if missing.count == Self.mostMissing {
              throw ModelError.tensors(
                file: checkpoint.path, missing: Array(missing), unexpected: [])
            }
          }
          return nil
        }
        used.insert(tensorName)
        if name.part == nil { owners[tensorName] = role }
        return try source(
          role, name, tensor, layer.map { layouts[$0] } ?? whole, expert: expert ?? 0,
          alternative: alternative)
      }
      guard !role.isGlobal else {
        guard shape.has(role) else { continue }
        globals[role] = try find(layer: nil, expert: nil)
        continue
      }
      for (layer, recipe) in recipes.enumerated() where !recipe.has(role) && recipe.usesOtherKeys {
        // Released files have keys and values for such layers too, which nothing reads.
        spare.formUnion(alternatives.map { $0.tensorName(layer: layer) })
      }
      for (layer, recipe) in recipes.enumerated()
      where recipe.has(role) && expects(role, in: recipe) {
        guard role.isOfExperts else {
          layers[layer][role] = try find(layer: layer, expert: nil)
          continue
        }
        for expert in experts[layer].indices {
          experts[layer][expert][role] = try find(layer: layer, expert: expert)
        }
      }
    }
    missing.append(contentsOf: missingAlternatives())
    let predicting = try PredictingLayers.count(parameters, of: .max)
    let predictingLayers = recipes.count..<(recipes.count + predicting)
    let extra = OwnKeys.extraTensors(of: checkpoint)
    var unexpected: [String] = []
    for (name, tensor) in checkpoint.tensors where !used.contains(name) {
      if keepsExtra || extra.contains(name) || spare.contains(name)
        || parameters.architecture.ignored.contains(where: { Self.matches(name, $0) })
        || PredictingLayers.own(
          name, in: predictingLayers, of: parameters.architecture, on: parameters.side)
      {
        ignored.append(tensor)
      } else {
        unexpected.append(name)
      }
    }
    guard missing.isEmpty, unexpected.isEmpty else {
      throw ModelError.tensors(
        file: checkpoint.path, missing: Array(missing), unexpected: unexpected)
    }
    try checkTiedOutput()
  }

  /// Whether a layer may have a weight of this role: where the lack of a norm is what makes the
  /// residual parallel, a parallel layer has none.
  private func expects(_ role: Role, in recipe: LayerRecipe) -> Bool {
    guard parameters.architecture.block.residual == .parallelUnlessNormed else { return true }
    return !recipe.residual.isParallel
      || role != .feedForwardNormGain && role != .feedForwardNormBias
  }

  /// Whether a layer cannot do without an optional weight: only a parallel block has a norm that
  /// both of its sublayers share.
  private func needs(_ role: Role, in recipe: LayerRecipe) -> Bool {
    role == .feedForwardNormGain && !recipe.residual.isParallel && recipe.normPlacement != .after
  }

  /// Latent attention takes its queries from one matrix or from a pair of them with a norm; attention
  /// to shared vectors lacks nothing.
  private func missingAlternatives() -> [String] {
    var missing: [String] = []
    for (layer, recipe) in recipes.enumerated() {
      var needed = recipe.neededRoles
      if let latent = recipe.attention?.latent {
        needed = latent.queryRank == nil ? [.query] : [.queryDown, .queryDownNormGain, .queryUp]
      }
      for role in needed where layers[layer][role] == nil {
        let name = parameters.architecture.weights[role]?.names[parameters.side]
        missing.append(name?.tensorName(layer: layer) ?? role.rawValue)
      }
    }
    return missing
  }

  private mutating func checkTiedOutput() throws {
    guard parameters.side == .huggingface, let tied = parameters.flag(.tiedOutput) else { return }
    if tied, let output = globals[.output], let embedding = globals[.embedding] {
      let same =
        output.tensor.shape == embedding.tensor.shape && output.tensor.type == embedding.tensor.type
        && output.tensor.withBytes { one in
          embedding.tensor.withBytes { other in one.elementsEqual(other) }
        }
      guard same else {
        throw ModelError.tiedOutputDiffers(file: checkpoint.path, tensor: output.tensor.name)
      }
      globals[.output] = nil
    } else if !tied, globals[.output] == nil,
      let name = parameters.architecture.weights[.output]?.names[.huggingface]
    {
      throw ModelError.tensors(file: checkpoint.path, missing: [name.tensor], unexpected: [])
    }
  }

  private func source(
    _ role: Role, _ name: WeightName, _ tensor: TensorEntry, _ layout: WeightLayout, expert: Int,
    alternative: Int
  ) throws(ModelError) -> WeightSource {
    guard Decoding.canDecode(tensor.type) else {
      throw .elementType(file: tensor.file.path, tensor: tensor.name, type: tensor.type.rawValue)
    }
    // Blocks of a pair run along a row's inputs, whatever the form of plain numbers.
    var name = name
    if tensor.isPair { name.form = .plain }
    let expected = layout.size(of: role)
    let stored = layout.storedShape(role, name, rows: expected.rows, columns: expected.columns)
    // An embedding's rows are the vocabulary; learned positions may be more than the context.
    var rows = expected.rows
    if role.hasRowPerToken || role == .positions || role == .routerTable,
      tensor.shape.count == 2, name.form == .plain
    {
      rows = tensor.shape[0]
      guard tensor.shape[1] == expected.columns, rows > 0 else {
        throw .shape(
          file: tensor.file.path, tensor: tensor.name, found: tensor.shape,
          expected: [rows, expected.columns])
      }
    } else if role == .outputBias, tensor.shape.count == 1 {
      rows = tensor.shape[0]
    } else {
      // What is one row may be written as a matrix or as a vector.
      let isOneRow = stored.count == 1 && tensor.shape == [1] + stored
      guard tensor.shape == stored || isOneRow else {
        throw .shape(
          file: tensor.file.path, tensor: tensor.name, found: tensor.shape, expected: stored)
      }
    }
    let height = layout.stackHeight(role, name) ?? 1
    var ranges = layout.ranges(name.part, rows: rows)
    if height > 1, name.form != .transposed {
      let first = expert * layout.storedRows(name.part, rows: rows)
      ranges = ranges.map { ($0.lowerBound + first)..<($0.upperBound + first) }
    }
    return WeightSource(
      role: role, tensor: tensor, form: name.form,
      place: (index: height > 1 ? expert : 0, of: height), ranges: ranges, rows: rows,
      columns: expected.columns, alternative: alternative, blocks: layout.blocks(of: role))
  }

  /// Whether a tensor's name fits a pattern whose `*` stands for a layer's number.
  static func matches(_ name: String, _ pattern: String) -> Bool {
    let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
    guard parts.count == 2 else { return name == pattern }
    if parts[1].isEmpty { return name.hasPrefix(parts[0]) }
    guard name.hasPrefix(parts[0]), name.hasSuffix(parts[1]),
      name.utf8.count > parts[0].utf8.count + parts[1].utf8.count
    else { return false }
    return name.dropFirst(parts[0].count).dropLast(parts[1].count).allSatisfy(\.isNumber)
  }
}
