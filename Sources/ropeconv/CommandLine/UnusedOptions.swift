import Conversion
import Evaluation
import Models
import Rotary
import Tensors

// What has no effect in a call, command by command: each is refused before any work is done.

extension RotarySites {
  /// What `--sites` asks for; nil where it is missing.
  fileprivate static func asked(_ text: String?) throws(RotaryError) -> RotarySites? {
    guard let text else { return nil }
    return try RotarySites(parsing: text)
  }
}

extension VariantOptions {
  /// Refuses options that change nothing in any of these models.
  /// - Parameters:
  ///   - plans: models as they are stored.
  ///   - methods: the scalings to come, where there are several.
  ///   - derivesFactor: the factor is the length over the original context where it is not given.
  /// - Throws: `UnusedOption`; `RotaryError` for sites that are unknown.
  func refuseUnused(
    in plans: [ModelPlan], methods: [String]? = nil, derivesFactor: Bool = false
  ) throws {
    let given = GivenOptions.all
    let asked = try RotarySites.asked(sites)
    let variants = plans.map { asked ?? $0.rotary.sites }
    let sites = Set(variants.map(\.name)).sorted().joined(separator: ", ")
    if !variants.contains(where: \.rotatesMessage) {
      try given.refuse(
        "--value-pairs", "--value-base", because: "no value rotates (the sites are \(sites))")
    }
    let names = methods ?? [ropeScaling]
    let methods = try names.map { try ScalingMethod($0) }
    for method in methods where method.name != "checkpoint" {
      guard variants.contains(where: { !$0.isDisjoint(with: method.sites) }) else {
        let idle = method.sites == .all ? "nothing rotates" : "no \(method.sites.code) rotates"
        try given.refuse("--rope-scaling", because: "\(idle) (the sites are \(sites))")
        continue
      }
    }
    if !methods.contains(where: \.hasFactor) {
      try given.refuse(
        "--rope-factor", "--rope-original-ctx",
        because: "no --rope-scaling is given that takes it")
    }
    // Of several models or lengths, a factor that is not given follows from the original context.
    if !derivesFactor || ropeFactor != nil,
      !methods.contains(where: \.needsOriginalContext)
    {
      try given.refuse(
        "--rope-original-ctx",
        because:
          "--rope-scaling \(methods.map(\.name).joined(separator: ",")) depends on its factor"
          + " alone")
    }
    let scalings = methods.filter(\.hasFactor)
    if ropeFactor == 1, !scalings.isEmpty, scalings.allSatisfy(\.isNothingByOne) {
      try given.refuse(
        "--rope-factor",
        because: "a factor of 1 scales nothing (--rope-scaling none takes a model's own away)")
    }
    // Beside a scaling that changes something, `none` is what that is compared with.
    let takenAway = names.filter { $0 != "checkpoint" }
    if !takenAway.isEmpty, !methods.contains(where: \.hasFactor),
      try !plans.contains(where: { plan in
        try takenAway.contains { try changesRotation(of: plan, by: $0) }
      })
    {
      try given.refuse(
        "--rope-scaling",
        because: "no model states a scaling for it to take away, so the result is that of"
          + " checkpoint, the default")
    }
  }

  /// Whether a method without a factor makes other frequencies than the model's own are.
  private func changesRotation(of plan: ModelPlan, by method: String) throws -> Bool {
    let asked = try request(for: plan, method: method)
    var unscaled = asked
    unscaled.scaling = nil
    let length = plan.shape.context
    return try plan.rotary.applying(asked, length: length)
      != plan.rotary.applying(unscaled, length: length)
  }
}

extension ModelOptions {
  /// Refuses a folder of data files of which none describes any of these models.
  /// - Throws: `UnusedOption`.
  func refuseUnused(in plans: [ModelPlan]) throws {
    if plans.allSatisfy({ $0.architecture.origin == nil }) {
      try GivenOptions.all.refuse(
        "--architectures", because: "the program's own data files describe the model")
    }
    if plans.allSatisfy({ $0.assumedModule == nil }) {
      try GivenOptions.all.refuse(
        "--assume-correct-rotation", because: "the rotation is not known to be wrong")
    }
  }
}

extension WindowOptions {
  /// Refuses a start that moves nothing: no site rotates and no position is learned.
  /// - Parameters:
  ///   - plans: models as they are stored.
  ///   - variants: models taken for another variant, where `sites` names one.
  ///   - sites: that variant's; nil: the models' own.
  /// - Throws: `UnusedOption`.
  func refuseUnused(
    in plans: [ModelPlan], or variants: [ModelPlan] = [], as sites: RotarySites? = nil
  ) throws {
    let rotates =
      plans.contains { $0.rotary.sites != .none }
      || variants.contains { (sites ?? $0.rotary.sites) != .none }
    if !rotates, !(plans + variants).contains(where: { $0.globals[.positions] != nil }) {
      try GivenOptions.all.refuse("--start", because: "nothing in the model depends on positions")
    }
  }
}

extension EvaluatePerplexity {
  /// Refuses options that change nothing; `plan` is that of the one model where there is only one,
  /// already opened.
  func refuseUnused(_ models: [String], _ plan: ModelPlan? = nil) throws {
    let given = GivenOptions.all
    try given.refuseForceAlone()
    if lengths != nil {
      try given.refuse("--ctx", because: "--lengths gives the lengths")
    }
    if lengths?.contains(",") != true {
      try given.refuse("--length-targets", because: "there are no --lengths to share targets")
    }
    guard
      given.contains(
        "--value-pairs", "--value-base", "--rope-scaling", "--rope-factor", "--rope-original-ctx",
        "--start", "--architectures", "--assume-correct-rotation", "--form")
    else { return }
    let catalog = try opening.catalog()
    let plans = try plan.map { [$0] } ?? models.map { try Model(opening: $0, in: catalog).plan }
    try opening.refuseUnused(in: plans)
    if !plans.contains(where: \.decays) {
      try given.refuse("--form", because: "no layer attends by decay")
    }
    try variant.refuseUnused(
      in: plans, methods: lengths != nil || models.count > 1 ? variant.scalingMethods : nil,
      derivesFactor: lengths != nil || models.count > 1)
    try window.refuseUnused(in: [], or: plans, as: RotarySites.asked(variant.sites))
  }
}

extension PromptOptions {
  /// Refuses what only an evaluation would use, where prompts alone are written.
  func refuseUnused() throws {
    guard prompts != nil else { return }
    try GivenOptions.all.refuse(
      "--mode", "--sites", "--value-pairs", "--value-base", "--rope-scaling", "--rope-factor",
      "--rope-original-ctx", "--compute", "--batch", "--memory", "--shard", "--state", "--svg",
      "--html", "--min-accuracy", "--min-score", "--junit",
      because: "--prompts writes prompts and evaluates nothing")
  }
}

extension EvaluateNeedle {
  func refuseUnused() throws {
    try prompts.refuseUnused()
    try GivenOptions.all.refuseForceAlone()
    if trials == 1 {
      try GivenOptions.all.refuse(
        "--passages", because: "with one trial, own and one are the same")
    }
  }
}

extension EvaluateRuler {
  /// Refuses options that change nothing in these tasks.
  func refuseUnused(for tasks: [RulerTask]) throws {
    let given = GivenOptions.all
    try prompts.refuseUnused()
    try given.refuseForceAlone()
    if !tasks.contains(where: { $0.haystack == .essay }) {
      try given.refuse("--essays", because: "none of the tasks hides anything in essays")
    }
    if !tasks.contains(.questions1) {
      try given.refuse("--squad", because: "qa_1 is not among the tasks")
    }
    if !tasks.contains(.questions2) {
      try given.refuse("--hotpot", because: "qa_2 is not among the tasks")
    }
    if mode == .generate, work.compute == Arithmetic.bfloat16.rawValue {
      try given.refuse("--compute", because: "--mode generate decodes in f32")
    }
  }
}

extension EvaluateCompare {
  func refuseUnused(_ base: ModelPlan, _ other: ModelPlan) throws {
    try GivenOptions.all.refuseForceAlone()
    try variant.refuseUnused(in: [other])
    // The base stays as it is stored: a start moves it wherever it rotates.
    try window.refuseUnused(in: [base], or: [other], as: RotarySites.asked(variant.sites))
  }
}

extension EvaluateFewShot {
  func refuseUnused() throws {
    let given = GivenOptions.all
    try given.refuseForceAlone()
    if shots == 0 {
      try given.refuse("--seed", because: "there are no --shots to choose")
    }
  }
}

extension Convert {
  /// Refuses what changes nothing in this model.
  /// - Throws: `UnusedOption`.
  func refuseUnused(in plan: ModelPlan) throws {
    let given = GivenOptions.all
    let pairs = try values.pairs(for: plan)
    if let counts = pairs.byLayer ?? pairs.all.map({ [$0] }), counts.allSatisfy({ $0 == 0 }),
      let sites = try RotarySites.asked(to.lowercased() == "keep" ? nil : to), sites.rotatesMessage
    {
      try given.refuse(
        "--value-pairs",
        because: "where no pair turns no value rotates, as with --to"
          + " \(sites.subtracting(.message).name)")
    }
  }

  func refuseUnused() throws {
    let given = GivenOptions.all
    if text.source == nil {
      try given.refuse(
        "--ctx", "--chunks", "--score", "--stride", "--start", "--compute", "--batch", "--memory",
        because: "no --text is given to score before and after")
    }
    if !fit.isAsked {
      try given.refuse(
        "--calibrate-tokens", "--calibrate-ctx", because: "no --calibrate text is given")
    }
    if try absorb.map({ try AbsorptionIdentity.list($0) })?.contains(.stillPairs) != true {
      try given.refuse("--still-epsilon", because: "it is for --absorb B1")
    }
  }
}

extension Generate {
  func refuseUnused() throws {
    if temperature == 0 {
      try GivenOptions.all.refuse(
        "--top-p", "--seed", because: "--temperature 0 takes the most likely token")
    }
  }
}

extension Analyze {
  func refuseUnused() throws {
    let given = GivenOptions.all
    try given.refuseForceAlone()
    if options.json { try given.refuse("--heads", because: "--json has every head") }
    if imatrix != nil {
      try given.refuse(
        "--value-pairs", "--value-base", "--heads", "--svg", "--query-step",
        because: "--imatrix makes the matrix and analyzes nothing")
    }
  }
}

extension RunPlan {
  func refuseUnused() throws {
    if dryRun { try GivenOptions.all.refuse("--junit", because: "--dry-run runs no step") }
  }
}
