/// Attention to vectors that are key and value at once (DeepSeek-V4).
extension AttentionRecipe {
  /// What goes with one vector per token that all heads share.
  package struct SharedVector: Sendable, Equatable {
    /// Elements of the vector that queries come from.
    package var queryRank: Int
    /// Heads form groups of equal size, each of which has a matrix of its own to `outputRank`
    /// elements; one more matrix takes those of all groups to the model's width.
    package var outputGroups: Int
    package var outputRank: Int
    /// The vectors of whole windows of tokens, which are attended to besides; nil: none are.
    package var compression: Compression?

    package init(
      queryRank: Int, outputGroups: Int, outputRank: Int, compression: Compression? = nil
    ) {
      self.queryRank = queryRank
      self.outputGroups = outputGroups
      self.outputRank = outputRank
      self.compression = compression
    }
  }

  /// One entry for every closed window of tokens: a sum of vectors, weighted channel by channel.
  package struct Compression: Sendable, Equatable {
    /// Tokens of a window.
    package var rate: Int
    /// Tokens have a second vector, which goes into the entry of the window after theirs.
    package var overlaps: Bool
    /// What chooses the entries that a query attends to; nil: all that it sees.
    package var index: EntryIndex?

    package init(rate: Int, overlaps: Bool, index: EntryIndex? = nil) {
      self.rate = rate
      self.overlaps = overlaps
      self.index = index
    }

    /// Vectors that a token has for its windows' entries.
    package var series: Int { overlaps ? 2 : 1 }

    /// Entries that the token at a position sees, itself closing a window among them.
    package func visible(at position: Int) -> Int { (position + 1) / rate }
  }

  /// Heads of their own, against entries of their own, that score what is worth attending to.
  package struct EntryIndex: Sendable, Equatable {
    package var heads: Int
    /// Dims of such a head, and of such an entry.
    package var width: Int
    /// Entries that a query attends to at most.
    package var kept: Int

    package init(heads: Int, width: Int, kept: Int) {
      self.heads = heads
      self.width = width
      self.kept = kept
    }
  }

  /// What goes with a shared vector; nil where keys and values are two.
  package var sharedVector: SharedVector? {
    if case .shared(let shared) = kind { shared } else { nil }
  }

  package var compression: Compression? { sharedVector?.compression }
}

extension LayerRecipe {
  /// Whether such a layer can have a weight of its attention.
  func has(_ part: Role.AttentionPart) -> Bool {
    switch part {
    case .compression: attention?.compression != nil
    case .index: attention?.compression?.index != nil
    }
  }

  /// Weights without which attention to a shared vector cannot be computed.
  var neededRoles: [Role] {
    guard attention?.sharedVector != nil else { return [] }
    let always: [Role] = [
      .queryDown, .queryDownNormGain, .queryUp, .sharedVector, .sharedVectorNormGain, .outputDown,
      .outputUp,
    ]
    return always + Role.allCases.filter { $0.attentionPart.map(has) ?? false }
  }
}
