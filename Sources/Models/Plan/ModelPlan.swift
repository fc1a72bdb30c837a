import Base
import Checkpoints
import Rotary
import Tensors

/// What a checkpoint's tensors do: sizes, a recipe for every layer, and a source for every weight.
///
/// Making a plan reads headers and, where a file stores frequency factors, those vectors; no other
/// tensor bytes are touched.
package struct ModelPlan: Sendable {
  /// The model's files; of a folder with other parts, such as a vision tower, the text model in it.
  package let checkpoint: Checkpoint
  /// The families that were read when it was opened.
  package let catalog: ArchitectureCatalog
  /// What stands before its keys in a GGUF file.
  package let prefix: String
  package let architecture: Architecture
  package let side: Architecture.Side
  /// How the rotary pairs of Q and K lie in a plain file of it in each container.
  package let pairLayouts: [Architecture.Side: PairLayout]
  package let shape: ModelShape
  /// Weights of the whole model.
  package let globals: [Role: WeightSource]
  package internal(set) var layers: [ModelLayer]
  /// Tensors that real checkpoints carry and the model does not use.
  package let ignored: [TensorEntry]
  /// What config.json states and models of this architecture do not do, as a sentence.
  package let ignoredStatement: String?
  /// Members of config.json that count otherwise than their names say, as sentences.
  package let statementNotes: [String]
  /// config.json as it was read, where that is not as it stands: without members that the reference
  /// ignores, with those that it takes for granted. Nil elsewhere.
  let readConfiguration: JSONValue?
  /// Which other parts stand beside the text model, as a sentence; nil where there are none.
  package let leftOut: String?
  /// How values turn in a plain file of this model; nil where they do not.
  package let plainValues: ValueTable?

  /// The form that the files state of decay attention.
  package let statedForm: MixerForm
  /// The form in which it is computed unless something else is asked for.
  package private(set) var form: MixerForm

  /// The same model in one of the forms of decay attention.
  package func computed(as form: MixerForm) -> ModelPlan {
    var plan = self
    plan.form = form
    return plan
  }

  /// What a user should know of what is not done.
  package var notes: [String] {
    let assumed = assumedModule.map {
      "\($0.name) of \($0.source) is taken for a rotation of \($0.sites.name), which its code does not"
        + " do: \($0.words)"
    }
    return [leftOut, ignoredStatement].compactMap { $0 } + statementNotes
      + [assumed].compactMap { $0 } + checkpoint.unreadWeights
  }

  /// The module that the model attends by, whose rotation is read as if it were right; nil: none.
  package let assumedModule: PublishedModule?

  /// The matrix that turns the last hidden state into logits.
  package var output: WeightSource? { globals[.output] ?? globals[.embedding] }

  /// Bytes of all layers' weights and the output matrix as float32.
  package var decodedBytes: Int {
    let layers = layers.reduce(0) { $0 + $1.elementCount }
    return 4 * (layers + (output?.count ?? 0))
  }

  package var tiesOutput: Bool { globals[.output] == nil }

  /// The rotation the checkpoint was made with, of all layers.
  package var rotary: RotaryConfiguration {
    RotaryConfiguration(layers: layers.map(\.recipe.rotation))
  }

  /// Positions that the model reaches without any scaling: what its own says that it was trained on
  /// before, else its context.
  package var originalContext: Int {
    let stated = rotary.scores.lazy.compactMap(\.scaling.originalContext).first ?? shape.context
    return min(max(stated, 1), shape.context)
  }

  /// The largest sizes that any layer needs.
  package var capacity: LayerCapacity { LayerCapacity(layers.lazy.map(\.recipe)) }

  /// Whether any layer sees a window of the tokens before it.
  package var hasWindows: Bool { layers.contains { ($0.recipe.attention?.window ?? 0) > 0 } }

  /// The sites a plain file of this model has.
  package var plainSites: RotarySites {
    rotary.scores.isEmpty ? .none : shape.plainSites
  }

  /// The last layer that uses the keys and values of each layer that others share; in others nil.
  package var lastUsers: [Int?] {
    var users = [Int?](repeating: nil, count: layers.count)
    for (index, layer) in layers.enumerated() {
      if let source = layer.recipe.attention?.keyValueSource { users[source] = index }
    }
    return users
  }

  /// Values can turn as asked: they are as wide as what turns of them, and those that layers share turn in
  /// one way, which their outputs undo.
  /// - Throws: `ModelError.narrowValues` or `.sharedRotation` for the first layer that cannot.
  package func checkValues(_ rotary: RotaryConfiguration) throws {
    try Self.checkValues(rotary, layers.map(\.recipe), file: checkpoint.path)
  }

  private static func checkValues(
    _ rotary: RotaryConfiguration, _ recipes: [LayerRecipe], file: String
  ) throws {
    for (index, recipe) in recipes.enumerated() {
      guard let attention = recipe.attention else { continue }
      let own = rotary.layers[index]
      if let turning = own.value.map({ 2 * $0.slots }), turning > attention.valueWidth {
        throw ModelError.narrowValues(
          file: file, layer: index, width: attention.valueWidth, turning: turning)
      }
      guard let source = attention.keyValueSource else { continue }
      let other = rotary.layers[source]
      guard
        own.value?.frequencies != other.value?.frequencies || own.sites != other.sites
          || own.value?.followsScaling != other.value?.followsScaling
      else { continue }
      throw ModelError.sharedRotation(file: file, layer: index, source: source)
    }
  }
}

extension ModelPlan {
  /// Plans the model in a checkpoint.
  /// - Parameters:
  ///   - checkpoint: the model's files.
  ///   - keepsExtra: tensors that nothing is known about are ignored, not refused.
  ///   - catalog: the families that are read.
  /// - Throws: `FormatError` for an unsupported architecture, `ModelError` for missing or
  ///   unexpected tensors (all of them named), shapes or hyper-parameters that do not fit together.
  package init(
    _ checkpoint: Checkpoint, keepsExtra: Bool = false, in catalog: ArchitectureCatalog = .builtIn
  ) throws {
    let part = try TextPart(of: checkpoint, in: catalog)
    let checkpoint = part?.checkpoint ?? checkpoint
    let statements = try ModelStatements(checkpoint, in: catalog)
    let (identity, parameters) = (statements.identity, statements.parameters)
    var (shape, recipes) = (statements.shape, statements.recipes)
    let declared = try statements.declaration(checkpoint)
    if declared?.absorbsLatent == true {
      for index in recipes.indices {
        guard let absorbed = recipes[index].attention?.absorbed else {
          throw RotaryDeclaration.notLatent(checkpoint, layer: index)
        }
        recipes[index].attention = absorbed
      }
    }
    var directory = WeightDirectory(parameters: parameters, shape: shape, recipes: recipes)
    try directory.resolve(keepsExtra: keepsExtra)
    shape.vocabulary = directory.globals[.embedding]?.rows ?? 0
    if let count = try parameters.optionalInteger(.vocabulary), count != shape.vocabulary {
      throw ModelError.shape(
        file: checkpoint.path, tensor: directory.globals[.embedding]?.tensor.name ?? "embedding",
        found: [shape.vocabulary, shape.width], expected: [count, shape.width])
    }
    for role in [Role.output, .outputBias, .layerInputEmbedding] {
      guard let output = directory.globals[role], output.rows != shape.vocabulary else { continue }
      let rest = Array(output.tensor.shape.dropFirst())
      throw ModelError.shape(
        file: checkpoint.path, tensor: output.tensor.name, found: [output.rows] + rest,
        expected: [shape.vocabulary] + rest)
    }

    for table in directory.layers.compactMap({ $0[.routerTable] })
    where table.rows != shape.vocabulary {
      throw ModelError.shape(
        file: checkpoint.path, tensor: table.tensor.name, found: table.tensor.shape,
        expected: [shape.vocabulary, table.columns])
    }

    var rotary = RotaryConfiguration(layers: recipes.map(\.rotation))
    plainValues = rotary.valueTable
    var assumed: PublishedModule?
    if let declared {
      try declared.apply(to: &rotary, of: checkpoint)
      try rotary.followScaling(length: shape.context)
    } else if let module = try PublishedModule.stated(in: checkpoint) {
      guard catalog.assumesCorrectRotation else {
        throw ModelError.wrongRotation(file: checkpoint.path, module)
      }
      rotary = try module.rotation(rotary, length: shape.context)
      assumed = module
    } else if let flags = try TrainingFlags(checkpoint, plain: shape.plainSites) {
      rotary = try flags.rotation(rotary, length: shape.context)
    }
    try Self.checkValues(rotary, recipes, file: checkpoint.path)
    for (index, layer) in rotary.layers.enumerated() { recipes[index].attention?.rotation = layer }
    for (index, weights) in directory.layers.enumerated() {
      let recipe = recipes[index]
      recipes[index].residual.sharesNorm =
        recipe.residual.isParallel && recipe.normPlacement != .after
        && weights[.feedForwardNormGain] == nil
    }

    self.checkpoint = checkpoint
    self.catalog = catalog
    prefix = identity.prefix
    leftOut = part?.leftOut
    architecture = identity.architecture
    side = identity.side
    pairLayouts = parameters.pairLayouts
    self.shape = shape
    globals = directory.globals
    layers = recipes.indices.map {
      ModelLayer(
        recipe: recipes[$0], weights: directory.layers[$0], experts: directory.experts[$0])
    }
    ignored = directory.ignored
    ignoredStatement = statements.ignored
    statementNotes = statements.notes
    readConfiguration = statements.readConfiguration
    assumedModule = assumed
    statedForm = try StatedForm.read(parameters)
    form = statedForm
  }
}
