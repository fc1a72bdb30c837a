import Base

/// Which options stand on the command line, whatever their values are: one that changes nothing in
/// a call is a misunderstanding, and telling so is better than a result of something else.
struct GivenOptions {
  private let names: Set<String>

  /// Those that this process was called with.
  static var all: GivenOptions { GivenOptions(Array(CommandLine.arguments.dropFirst())) }

  /// No option's value begins with a dash unless it is joined by `=`, so every argument that does is an
  /// option's name, but for numbers below zero. Short names count as the long ones.
  init(_ arguments: [String]) {
    let options = arguments.prefix { $0 != "--" }.filter { $0.hasPrefix("-") }
    names = Set(options.flatMap { ShortName.options(in: String($0.prefix { $0 != "=" })) })
  }

  /// Whether any of these was given.
  func contains(_ options: String...) -> Bool { options.contains(where: names.contains) }

  /// Refuses options of which none changes anything in this call; `reason` says why.
  /// - Throws: `UnusedOption` for the first one that was given.
  func refuse(_ options: String..., because reason: String) throws(UnusedOption) {
    if let option = options.first(where: names.contains) {
      throw UnusedOption(option: option, reason: reason)
    }
  }

  /// Refuses `--force` where no file is written beside the result.
  func refuseForceAlone() throws(UnusedOption) {
    if !contains(
      "--svg", "--html", "--prompts", "--nll", "--junit", "--output", "--imatrix")
    {
      try refuse("--force", because: "this call writes no file that it could replace")
    }
  }
}

/// An option that has no effect in this call.
struct UnusedOption: Diagnostic, Equatable {
  let option: String
  let reason: String

  var summary: String { "\(option) has no effect: \(reason)" }
  var exitStatus: ExitStatus { .usage }
}
