/// Why no variant reaches a layer.
package enum UnreachedLayers: String, Sendable, CaseIterable {
  /// It attends without positions.
  case withoutPositions = "NoPE"
  /// It does not attend.
  case deltaRule = "delta rule"
}

extension ModelPlan {
  /// The layers that no variant reaches, by why; kinds without layers are left out.
  package var unreachedLayers: [(kind: UnreachedLayers, layers: [Int])] {
    UnreachedLayers.allCases.map { kind in
      let found = rotary.unrotatedLayers.filter {
        (layers[$0].recipe.deltaRule != nil) == (kind == .deltaRule)
      }
      return (kind, found)
    }.filter { !$0.1.isEmpty }
  }
}
