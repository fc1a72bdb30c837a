/// The thirteen synthetic tasks of RULER (arXiv:2404.06654), by their published names.
package enum RulerTask: String, Sendable, CaseIterable {
  case niahSingle1 = "niah_single_1"
  case niahSingle2 = "niah_single_2"
  case niahSingle3 = "niah_single_3"
  case niahMultikey1 = "niah_multikey_1"
  case niahMultikey2 = "niah_multikey_2"
  case niahMultikey3 = "niah_multikey_3"
  case niahMultivalue = "niah_multivalue"
  case niahMultiquery = "niah_multiquery"
  case variableTracking = "vt"
  case commonWords = "cwe"
  case frequentWords = "fwe"
  case questions1 = "qa_1"
  case questions2 = "qa_2"

  /// What surrounds that which must be found.
  package enum Haystack: String, Sendable {
    /// One line of five short sentences, over and over.
    case noise
    /// Text that the user brings.
    case essay
    /// Needles with other keys.
    case needles
    /// A numbered list of words.
    case words
    /// Words of random letters.
    case codedWords = "coded words"
    /// Paragraphs of a set of questions that the user brings.
    case paragraphs
  }

  /// What a needle's key or value is.
  package enum NeedleKind: String, Sendable {
    /// An adjective and a noun with a hyphen between them.
    case word = "words"
    /// Seven digits.
    case number = "numbers"
    /// A version 4 UUID in lower case.
    case uuid = "uuids"
  }

  /// The needles of a prompt.
  package struct Needles: Sendable, Equatable {
    package var keyKind = NeedleKind.word
    package var valueKind = NeedleKind.number
    package var keys = 1
    /// Values of each key.
    package var values = 1
    /// Keys that are asked for.
    package var queries = 1
  }

  /// How an output is compared with the references.
  package enum Scoring: String, Sendable {
    /// The share of the references that occur in the output.
    case all
    /// Whether any reference occurs in the output.
    case part
  }

  package var haystack: Haystack {
    switch self {
    case .niahSingle1, .variableTracking: .noise
    case .niahSingle2, .niahSingle3, .niahMultikey1, .niahMultivalue, .niahMultiquery: .essay
    case .niahMultikey2, .niahMultikey3: .needles
    case .commonWords: .words
    case .frequentWords: .codedWords
    case .questions1, .questions2: .paragraphs
    }
  }

  /// Nil for the tasks that hide no needles.
  package var needles: Needles? {
    switch self {
    case .niahSingle1, .niahSingle2, .niahMultikey2: Needles()
    case .niahSingle3: Needles(valueKind: .uuid)
    case .niahMultikey1: Needles(keys: 4)
    case .niahMultikey3: Needles(keyKind: .uuid, valueKind: .uuid)
    case .niahMultivalue: Needles(values: 4)
    case .niahMultiquery: Needles(keys: 4, queries: 4)
    default: nil
    }
  }

  /// Tokens that a model may generate; they count towards the length.
  package var maximumNewTokens: Int {
    switch self {
    case .variableTracking: 30
    case .commonWords: 120
    case .frequentWords: 50
    case .questions1, .questions2: 32
    default: 128
    }
  }

  package var scoring: Scoring {
    switch self {
    case .questions1, .questions2: .part
    default: .all
    }
  }

  /// The published number of samples of every task.
  package static let publishedSamples = 500
  /// The published seed.
  package static let publishedSeed: UInt64 = 42
}
