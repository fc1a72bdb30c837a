/// The variant a pass computes. Where frequencies depend on the length (dynamic NTK, LongRoPE), they
/// follow each sequence's own, so that none depends on what else is in its batch.
package struct RotaryVariant: Sendable, Equatable {
  /// What the checkpoint declares, or a variant as it stands.
  package let stored: RotaryConfiguration
  private let request: RotaryRequest?

  /// A variant as it stands; frequencies of queries and keys, and of values that follow their scaling,
  /// follow the length.
  package init(_ configuration: RotaryConfiguration) {
    stored = configuration
    request = nil
  }

  /// A checkpoint's configuration changed as asked; what is computed follows the length.
  package init(_ stored: RotaryConfiguration, as request: RotaryRequest) {
    self.stored = stored
    self.request = request
  }

  /// What sequences compute that cover the positions from 0 up to `length`.
  package func configuration(length: Int) throws(RotaryError) -> RotaryConfiguration {
    guard let request else { return stored }
    return try stored.applying(request, length: length)
  }

  /// Groups sequences whose lengths give them the same frequencies.
  package func lengthClasses(of lengths: [Int]) -> LengthClasses {
    var scalings = stored.layers.compactMap { $0.value?.ownScaling }
    for score in stored.scores {
      scalings.append(request?.scaling(of: score) ?? score.scaling)
      // Values may be scaled alone.
      if let request { scalings.append(request.valueScaling(of: score)) }
    }
    var classes: [[Int]: Int] = [:]
    var ofSequence: [Int] = []
    var longest: [Int] = []
    for length in lengths {
      let key = scalings.map { $0.lengthClass(length) }
      if let known = classes[key] {
        ofSequence.append(known)
        longest[known] = max(longest[known], length)
      } else {
        classes[key] = longest.count
        ofSequence.append(longest.count)
        longest.append(length)
      }
    }
    return LengthClasses(ofSequence: ofSequence, longest: longest)
  }
}

/// Sequences grouped by the frequencies that their own lengths give them.
package struct LengthClasses: Sendable, Equatable {
  /// The class of each sequence.
  package let ofSequence: [Int]
  /// The largest length in each class; every length of a class gives the same frequencies.
  package let longest: [Int]

  package init(ofSequence: [Int], longest: [Int]) {
    self.ofSequence = ofSequence
    self.longest = longest
  }
}

extension FrequencyScaling {
  /// Whether some lengths have other frequencies than others.
  package var dependsOnLength: Bool {
    switch self {
    case .dynamic: true
    case .longRoPE(let long): long.short != long.long
    default: false
    }
  }

  /// Whether values of any base may follow it: it changes each pair alike whatever the base, so that the
  /// frequencies of another base are those of queries and keys times one number for each pair. YaRN and
  /// Llama 3 look at wavelengths, and readers would find other frequencies.
  package var isAlikeAtEveryBase: Bool {
    switch self {
    case .none, .linear, .ntk, .dynamic, .longRoPE, .proportional: true
    // Such factors are Llama 3's in a GGUF file.
    case .yarn, .llama3, .factors: false
    }
  }

  /// Whether it is of a method whose frequencies may follow the length.
  var isOfLength: Bool {
    switch self {
    case .dynamic, .longRoPE: true
    default: false
    }
  }

  /// The same for two lengths exactly where both give the same frequencies.
  func lengthClass(_ length: Int) -> Int {
    switch self {
    case .dynamic(_, let original): max(length, original)
    case .longRoPE(let long): length > long.originalContext ? 1 : 0
    default: 0
    }
  }
}
