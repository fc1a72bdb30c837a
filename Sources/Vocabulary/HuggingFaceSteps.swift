import Base

/// The normalizer and the pre-tokenizer of a tokenizer.json: what happens to a text before it is
/// encoded.
struct HuggingFaceSteps {
  private let file: String
  private(set) var steps: [PreTokenizer.Step] = []
  private(set) var normalizer = Normalizer()
  /// Words are bytes, spelled in GPT-2's alphabet.
  private(set) var isByteLevel = false

  init(_ json: JSONValue, file: String) throws {
    self.file = file
    try readNormalizer(json["normalizer"], "normalizer")
    try readPreTokenizer(json["pre_tokenizer"], "pre_tokenizer")
  }

  private func unsupported(_ place: String, _ what: String) -> VocabularyError {
    .unsupportedPart(file: file, place: place, what: what)
  }

  private mutating func readNormalizer(_ json: JSONValue?, _ place: String) throws {
    guard let json, json != .null else { return }
    switch json["type"]?.string {
    case "Sequence":
      for (index, part) in (json["normalizers"]?.array ?? []).enumerated() {
        try readNormalizer(part, "\(place).normalizers[\(index)]")
      }
    case "NFC": normalizer.composes = true
    case "Prepend" where json["prepend"]?.string == "\u{2581}":
      normalizer.addsSpacePrefix = true
      normalizer.escapesSpaces = true
    case "Replace"
    where json["pattern"]?["String"]?.string == " " && json["content"]?.string == "\u{2581}":
      normalizer.escapesSpaces = true
    default: throw unsupported(place, "normalizer '\(json["type"]?.string ?? "")'")
    }
  }

  private mutating func readPreTokenizer(_ json: JSONValue?, _ place: String) throws {
    guard let json, json != .null else { return }
    switch json["type"]?.string {
    case "Sequence":
      for (index, part) in (json["pretokenizers"]?.array ?? []).enumerated() {
        try readPreTokenizer(part, "\(place).pretokenizers[\(index)]")
      }
    case "ByteLevel":
      if json["add_prefix_space"]?.bool ?? true {
        guard steps.isEmpty else { throw unsupported(place, "a space before every piece") }
        normalizer.addsSpacePrefix = true
        normalizer.prefixesOnlyWithoutSpace = true
      }
      if json["use_regex"]?.bool ?? true { try add(HuggingFacePreTokenizers.byteLevelPattern) }
      isByteLevel = true
    case "Digits":
      try add(json["individual_digits"]?.bool ?? false ? "\\p{N}" : "\\p{N}+")
    case "Punctuation":
      let behavior = try behavior(json, place, default: .isolated)
      if behavior == .contiguous {
        try add(HuggingFacePreTokenizers.punctuation + "+")
      } else {
        try add(HuggingFacePreTokenizers.punctuation, behavior)
      }
    case "Split": try readSplit(json, place)
    case "Metaspace": try readMetaspace(json, place)
    default: throw unsupported(place, "pre-tokenizer '\(json["type"]?.string ?? "")'")
    }
  }

  /// Each step is a pass over the text; published files have up to seven.
  private static let mostSteps = 32

  private mutating func add(
    _ pattern: String, _ behavior: PreTokenizer.Step.Behavior = .isolated, inverts: Bool = false,
    isLiteral: Bool = false
  ) throws {
    guard steps.count < Self.mostSteps else {
      throw unsupported("pre_tokenizer", "a pre-tokenizer of more than \(Self.mostSteps) steps")
    }
    let pattern = try Pattern(pattern, file: file, anchorsAtLines: true, isLiteral: isLiteral)
    // To drop what is between matches drops nothing where there is nothing.
    let isWhole = behavior == .removed && inverts && pattern.coversText
    steps.append(
      .init(
        pattern: pattern, behavior: isWhole ? .isolated : behavior, inverts: inverts && !isWhole,
        readsAlphabet: isByteLevel))
  }

  private func behavior(
    _ json: JSONValue, _ place: String, default fallback: PreTokenizer.Step.Behavior? = nil
  ) throws -> PreTokenizer.Step.Behavior {
    let name = json["behavior"]?.string ?? fallback?.rawValue ?? ""
    guard let behavior = PreTokenizer.Step.Behavior(rawValue: name) else {
      throw unsupported(place, "split behavior '\(name)'")
    }
    return behavior
  }

  private mutating func readSplit(_ json: JSONValue, _ place: String) throws {
    let behavior = try behavior(json, place)
    let inverts = json["invert"]?.bool ?? false
    if let literal = json["pattern"]?["String"]?.string {
      // Escaped spaces leave no plain one to find.
      if normalizer.escapesSpaces, literal == " " { return }
      try add(literal, behavior, inverts: inverts, isLiteral: true)
    } else if let pattern = json["pattern"]?["Regex"]?.string {
      guard let flat = Self.withoutNestedClasses(pattern) else {
        throw unsupported(place, "an intersection or difference of classes in the pattern")
      }
      try add(flat, behavior, inverts: inverts)
    } else {
      throw VocabularyError.invalid(file: file, key: "\(place).pattern", problem: "is missing")
    }
  }

  /// A pattern with `[a[bc]]` as `[abc]`: in the patterns of tokenizer.json, Oniguruma's, a class
  /// may hold classes. Nil for one that holds negated ones, or their intersection.
  private static func withoutNestedClasses(_ pattern: String) -> String? {
    let source = Array(pattern.unicodeScalars)
    var result = String.UnicodeScalarView()
    var depth = 0
    var index = 0
    func next(_ offset: Int) -> Unicode.Scalar? {
      index + offset < source.count ? source[index + offset] : nil
    }
    while let scalar = next(0) {
      defer { index += 1 }
      switch scalar {
      case "\\":
        result.append(scalar)
        if let escaped = next(1) { result.append(escaped) }
        index += 1
      case "[" where depth > 0 && next(1) == ":":
        // A POSIX class ends at its own bracket.
        while let inner = next(0), !(inner == ":" && next(1) == "]") {
          result.append(inner)
          index += 1
        }
        result.append(contentsOf: ":]".unicodeScalars)
        index += 1
      case "[":
        if depth > 0 {
          if next(1) == "^" { return nil }
        } else {
          result.append(scalar)
        }
        depth += 1
      case "]" where depth > 0:
        depth -= 1
        if depth == 0 { result.append(scalar) }
      case "&" where depth > 0 && next(1) == "&": return nil
      default: result.append(scalar)
      }
    }
    return String(result)
  }

  private mutating func readMetaspace(_ json: JSONValue, _ place: String) throws {
    guard json["replacement"]?.string ?? "\u{2581}" == "\u{2581}" else {
      throw unsupported(place, "a replacement other than U+2581")
    }
    normalizer.escapesSpaces = true
    let scheme =
      json["prepend_scheme"]?.string
      ?? (json["add_prefix_space"]?.bool ?? true ? "always" : "never")
    normalizer.prefixesOnlyWithoutSpace = true
    switch scheme {
    case "always": normalizer.prefix = .everyText
    case "first": normalizer.prefix = .firstText
    case "never": break
    default: throw unsupported(place, "prepend scheme '\(scheme)'")
    }
    // Words begin at the escaped spaces.
    if json["split"]?.bool ?? true { try add("\u{2581}[^\u{2581}]*|[^\u{2581}]+") }
  }
}
