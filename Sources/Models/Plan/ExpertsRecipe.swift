import Tensors

/// A mixture of experts: a router chooses a few of many networks for each token, whose outputs are
/// added up by its weights; shared ones, which every token goes through, may stand beside them.
///
/// A bias of the router or of the experts' matrices is a weight like others (`Role.routerBias`,
/// `Role.expertUpBias`, ...): layers that have it add it. How gate and up make what the last matrix
/// reads (clamped, say) belongs to `FeedForwardRecipe`, which dense and shared networks use too.
package struct ExpertsRecipe: Sendable, Equatable {
  package var count: Int
  package var router: RouterRecipe
  /// Each expert.
  package var network: FeedForwardRecipe
  /// The experts that all tokens go through, as one network; nil where there are none.
  package var shared: SharedExperts?

  package struct SharedExperts: Sendable, Equatable {
    package var count: Int
    package var network: FeedForwardRecipe

    package init(count: Int, network: FeedForwardRecipe) {
      self.count = count
      self.network = network
    }
  }

  package init(
    count: Int, router: RouterRecipe, network: FeedForwardRecipe, shared: SharedExperts? = nil
  ) {
    self.count = count
    self.router = router
    self.network = network
    self.shared = shared
  }
}

/// How experts are chosen for a token, and by which weights their outputs are added up.
package struct RouterRecipe: Sendable, Equatable {
  /// What scores are, of the router's logits.
  package enum Score: String, Sendable, CaseIterable {
    /// Softmax over all experts.
    case softmax
    /// Softmax over the chosen experts alone, which are chosen by their logits.
    case softmaxOfChosen = "softmax_of_chosen"
    /// 1 / (1 + e^-x), each expert by itself.
    case sigmoid
    /// sqrt(ln(1 + e^x)), each expert by itself (DeepSeek-V4).
    case rootSoftplus = "sqrtsoftplus"
  }

  /// What the score of a group of experts is, of its members' scores.
  package enum GroupScore: String, Sendable, CaseIterable {
    case best
    /// The sum of the two best (DeepSeek-V3).
    case bestTwo = "best_two"
  }

  package var score: Score
  /// Experts that a token goes through.
  package var used: Int
  /// Scores that experts are chosen by have a bias that their weights do not have.
  package var isCorrected: Bool
  /// Experts next to each other form groups of equal size, of which a few are chosen first.
  package var groups: Int
  package var groupsUsed: Int
  package var groupScore: GroupScore
  /// The chosen experts' weights are divided by their sum.
  package var normalizes: Bool
  /// Multiplies the weights.
  package var scale: Double
  /// Multiplies what the router reads.
  package var inputScale: Double
  /// A table says which experts each token of the vocabulary goes through; scores are weights alone.
  package var choosesByToken: Bool

  package init(
    score: Score, used: Int, isCorrected: Bool = false, groups: Int = 1, groupsUsed: Int = 1,
    groupScore: GroupScore = .best, normalizes: Bool = false, scale: Double = 1,
    inputScale: Double = 1, choosesByToken: Bool = false
  ) {
    self.inputScale = inputScale
    self.score = score
    self.used = used
    self.isCorrected = isCorrected
    self.groups = groups
    self.groupsUsed = groupsUsed
    self.groupScore = groupScore
    self.normalizes = normalizes
    self.scale = scale
    self.choosesByToken = choosesByToken
  }
}
