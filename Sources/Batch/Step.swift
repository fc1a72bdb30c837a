/// One command of a plan: what is run, and what becomes of it.
package struct Step: Sendable, Equatable {
  package let name: String
  /// Where the plan asks for it, such as `evaluations[0]`.
  let place: String
  /// The command and what it works on, such as `eval`, `perplexity` and a model's path.
  let words: [String]
  let options: [Option]
  /// Names of steps that must have succeeded.
  let needs: [String]
  /// The model that it makes besides its JSON.
  package let product: String?
  /// The files and folders it reads.
  let inputs: [Input]
  /// Pictures and other files beside its result.
  let outputs: [Output]

  /// An option by its long name, and its value; a flag has none.
  struct Option: Sendable, Equatable {
    let name: String
    let value: String?

    init(_ name: String, _ value: String? = nil) {
      self.name = name
      self.value = value
    }

    var arguments: [String] { ["--\(name)"] + (value.map { [$0] } ?? []) }
  }

  /// Something that is read, and what else belongs to it.
  struct Input: Sendable, Hashable {
    enum Role { case model, template, data }

    let path: String
    let role: Role
    /// The key of the plan that names it.
    let key: String
  }

  /// A file that is written, and the key of the plan that names it.
  struct Output: Sendable, Equatable {
    let path: String
    let key: String
  }

  /// What the program is called with.
  package var arguments: [String] { words + options.flatMap(\.arguments) }

  /// What its command takes, whatever models it works on: steps that differ in those alone have it in
  /// common.
  package var form: [String] {
    Array(words.prefix(words.first == "eval" ? 2 : 1)) + ["\(words.count)"]
      + options.filter { $0.name != "output" }.flatMap(\.arguments)
  }

  /// The key of the plan that a text about the command speaks of: that of the option which it names, or
  /// the whole step.
  package func key(namedIn text: String) -> String {
    // The longest: `--to` stands in `--tokens` too.
    let named = options.map(\.name).filter { text.contains("--\($0)") }.max { $0.count < $1.count }
    return named.map { "\(place).\($0)" } ?? place
  }

  /// Whether any of these options is given.
  func has(_ names: Set<String>) -> Bool { options.contains { names.contains($0.name) } }
}
