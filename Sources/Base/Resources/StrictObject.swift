import OrderedCollections

/// A JSON object of a data file, read key by key: an unknown key or a wrong type is an error, so
/// that a misspelt fact cannot pass silently. `Key` lists the keys that such an object may have.
package struct StrictObject<Key: CaseIterable & RawRepresentable<String>> {
  package let file: String
  package let place: String
  private let values: OrderedDictionary<String, JSONValue>

  package init(_ value: JSONValue, file: String, place: String) throws(FormatError) {
    guard let object = value.object else {
      throw .invalid(file: file, place: place, problem: "expected an object")
    }
    let known = Set(Key.allCases.map(\.rawValue))
    for key in object.keys where !known.contains(key) {
      throw .invalid(
        file: file, place: place,
        problem: "unknown key '\(key)' (known: \(known.sorted().joined(separator: ", ")))")
    }
    self.file = file
    self.place = place
    values = object
  }

  /// Where the value of a key stands in the file.
  package func place(of key: Key) -> String {
    place.isEmpty ? key.rawValue : "\(place).\(key.rawValue)"
  }

  package func failure(_ key: Key, _ problem: String) -> FormatError {
    .invalid(file: file, place: place(of: key), problem: problem)
  }

  package func optional(_ key: Key) -> JSONValue? { values[key.rawValue] }

  package func required(_ key: Key) throws(FormatError) -> JSONValue {
    guard let value = optional(key) else { throw failure(key, "missing key") }
    return value
  }

  package func string(_ key: Key) throws(FormatError) -> String {
    guard let text = try required(key).string else { throw failure(key, "expected a string") }
    return text
  }

  package func optionalString(_ key: Key) throws(FormatError) -> String? {
    optional(key) == nil ? nil : try string(key)
  }

  /// An empty list where the key is missing.
  package func strings(_ key: Key) throws(FormatError) -> [String] {
    try list(key, "strings", \.string)
  }

  /// An empty list where the key is missing.
  package func integers(_ key: Key) throws(FormatError) -> [Int] {
    try list(key, "integers", \.int)
  }

  private func list<Element>(
    _ key: Key, _ what: String, _ element: (JSONValue) -> Element?
  ) throws(FormatError) -> [Element] {
    guard let value = optional(key) else { return [] }
    guard let array = value.array else { throw failure(key, "expected a list of \(what)") }
    let elements = array.compactMap(element)
    guard elements.count == array.count else { throw failure(key, "expected a list of \(what)") }
    return elements
  }

  package func integer(_ key: Key, default fallback: Int) throws(FormatError) -> Int {
    guard let value = optional(key) else { return fallback }
    guard let number = value.int else { throw failure(key, "expected an integer") }
    return number
  }

  package func flag(_ key: Key, default fallback: Bool = false) throws(FormatError) -> Bool {
    guard let value = optional(key) else { return fallback }
    guard let flag = value.bool else { throw failure(key, "expected true or false") }
    return flag
  }

  package func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ key: Key, default fallback: Choice? = nil
  ) throws(FormatError) -> Choice {
    if optional(key) == nil, let fallback { return fallback }
    let text = try string(key)
    guard let choice = Choice(rawValue: text) else {
      let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw failure(key, "unknown value '\(text)' (known: \(known))")
    }
    return choice
  }

  /// The members of an object whose keys are names of the file's own choice; none where the key is
  /// missing.
  package func members(_ key: Key) throws(FormatError) -> OrderedDictionary<String, JSONValue> {
    guard let value = optional(key) else { return [:] }
    guard let object = value.object else { throw failure(key, "expected an object") }
    return object
  }
}
