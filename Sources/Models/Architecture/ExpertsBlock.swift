import Base
import OrderedCollections

/// What a data file says of a family's layers of experts: of each way in which its routers score, the
/// first where nothing tells which.
package struct ExpertsBlock: Sendable, Equatable {
  package var routers: OrderedDictionary<RouterRecipe.Score, Router>

  /// What goes with a way of scoring.
  package struct Router: Sendable, Equatable {
    /// The `model_type` of models that score so, where others of the family do not or have no experts.
    package var modelType: String?
    /// That of models which have shared experts besides, where it is another one.
    package var sharedModelType: String?
    package var groupScore: RouterRecipe.GroupScore
    /// Weights are divided by their sum where config.json does not say.
    package var normalizes: Bool
    package var isCorrected: Bool
    /// Members of config.json that say whether groups count.
    package var grouped: OrderedDictionary<String, String>
    package var ungrouped: OrderedDictionary<String, String>
  }
}

extension ExpertsBlock.Router {
  package enum Key: String, CaseIterable {
    case models, normalizes, corrected, grouped, ungrouped
    case groupScore = "group_score"
    case sharedModels = "shared_models"
  }

  init(_ json: JSONValue, file: String, place: String) throws(FormatError) {
    let entry = try StrictObject<Key>(json, file: file, place: place)
    func texts(_ key: Key) throws(FormatError) -> OrderedDictionary<String, String> {
      var texts: OrderedDictionary<String, String> = [:]
      for (name, value) in try entry.members(key) {
        guard let text = value.string else { throw entry.failure(key, "expected strings") }
        texts[name] = text
      }
      return texts
    }
    modelType = try entry.optionalString(.models)
    sharedModelType = try entry.optionalString(.sharedModels)
    groupScore = try entry.choice(.groupScore, default: .best)
    normalizes = try entry.flag(.normalizes)
    isCorrected = try entry.flag(.corrected)
    grouped = try texts(.grouped)
    ungrouped = try texts(.ungrouped)
  }
}

extension ExpertsBlock {
  init(_ json: JSONValue, file: String, place: String) throws(FormatError) {
    let entry = try StrictObject<RouterRecipe.Score>(json, file: file, place: place)
    routers = [:]
    for (name, value) in json.object ?? [:] {
      guard let score = RouterRecipe.Score(rawValue: name) else { continue }
      routers[score] = try Router(value, file: file, place: entry.place(of: score))
    }
    guard !routers.isEmpty else {
      throw FormatError.invalid(file: file, place: place, problem: "names no way of scoring")
    }
  }
}
