import OrderedCollections

/// A JSON object of a data file, read key by key: an unknown key or a wrong type is an error, so
/// that a misspelt fact cannot pass silently.
package struct StrictObject {
  package let file: String
  package let place: String
  private let values: OrderedDictionary<String, JSONValue>

  package init(_ value: JSONValue, file: String, place: String, keys: Set<String>)
    throws(FormatError)
  {
    guard let object = value.object else {
      throw .invalid(file: file, place: place, problem: "expected an object")
    }
    for key in object.keys where !keys.contains(key) {
      throw .invalid(
        file: file, place: place,
        problem: "unknown key '\(key)' (known: \(keys.sorted().joined(separator: ", ")))")
    }
    self.file = file
    self.place = place
    values = object
  }

  package func failure(_ key: String, _ problem: String) -> FormatError {
    .invalid(file: file, place: place.isEmpty ? key : "\(place).\(key)", problem: problem)
  }

  package func optional(_ key: String) -> JSONValue? { values[key] }

  package func required(_ key: String) throws(FormatError) -> JSONValue {
    guard let value = values[key] else { throw failure(key, "missing key") }
    return value
  }

  package func string(_ key: String) throws(FormatError) -> String {
    guard let text = try required(key).string else { throw failure(key, "expected a string") }
    return text
  }

  package func strings(_ key: String) throws(FormatError) -> [String] {
    guard let value = values[key] else { return [] }
    guard let array = value.array else { throw failure(key, "expected a list of strings") }
    var result: [String] = []
    for element in array {
      guard let text = element.string else { throw failure(key, "expected a list of strings") }
      result.append(text)
    }
    return result
  }

  package func integer(_ key: String, default fallback: Int) throws(FormatError) -> Int {
    guard let value = values[key] else { return fallback }
    guard let number = value.int else { throw failure(key, "expected an integer") }
    return number
  }

  package func choice<Choice: RawRepresentable<String>>(
    _ key: String, default fallback: Choice? = nil
  ) throws(FormatError) -> Choice {
    if values[key] == nil, let fallback { return fallback }
    let text = try string(key)
    guard let choice = Choice(rawValue: text) else { throw failure(key, "unknown value '\(text)'") }
    return choice
  }
}
