extension Collection where Element: Equatable {
  /// The one value that all elements have; nil where they differ, or where there are none.
  package var agreed: Element? {
    guard let one = first, allSatisfy({ $0 == one }) else { return nil }
    return one
  }
}

extension JSONValue {
  /// What is said of a model's layers: one value where all agree, a list where they differ.
  public init(ofLayers values: [JSONValue]) {
    self = values.agreed ?? .array(values)
  }
}
