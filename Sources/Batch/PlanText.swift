import Base
import Yams

/// A plan's YAML as keys and values.
struct PlanText {
  let file: String
  /// The keys and values of the whole.
  let root: PlanFields

  /// - Throws: `PlanError.malformed`.
  init(_ text: String, file: String) throws(PlanError) {
    self.file = file
    func malformed(_ problem: String) -> PlanError { .malformed(file: file, problem: problem) }
    guard !Self.mayUnfoldKeys(text) else {
      throw malformed(
        "a plan with aliases (*NAME) cannot have lists, mappings or aliases as keys; a '?' after a space"
          + " may begin one")
    }
    let node: Node?
    // Without rules for types: they are tried on every key, which takes most of the time.
    do { node = try Yams.compose(yaml: text, .basic) } catch {
      throw malformed("not YAML: \(String(describing: error).prefix(200))")
    }
    guard let node, let fields = try PlanFields(node, place: "the plan", file: file) else {
      throw malformed("expected a mapping")
    }
    root = fields
  }

  /// Whether an alias may stand in a key. Keys of a mapping are compared, so that a list of lists of
  /// aliases would be unfolded there, to as many parts as one likes; values never are. What merely
  /// looks so, in a quoted text, counts too.
  static func mayUnfoldKeys(_ text: String) -> Bool {
    let bytes = Self.withPlainLineEnds(Array(text.utf8))
    func isOneOf(_ byte: UInt8, _ set: StaticString) -> Bool {
      set.withUTF8Buffer { $0.contains(byte) }
    }
    func colonFollows(_ index: Int) -> Bool {
      var index = index
      while index < bytes.count, isOneOf(bytes[index], " \t") { index += 1 }
      return index < bytes.count && bytes[index] == UInt8(ascii: ":")
    }
    // What libyaml takes for a name; whatever else stands behind one ends it.
    func nameFollowing(_ index: Int) -> ArraySlice<UInt8> {
      bytes[(index + 1)...].prefix { byte in
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
    }
    // Only what an anchor names is an alias; `results/*.json` in a comment is not.
    let anchors = Set(bytes.indices.filter { bytes[$0] == UInt8(ascii: "&") }.map(nameFollowing))
    var (hasAlias, lineHasAlias, hasKey) = (false, false, false)
    for (index, byte) in bytes.enumerated() {
      switch byte {
      case UInt8(ascii: "*"):
        let name = nameFollowing(index)
        guard !name.isEmpty, anchors.contains(name) else { continue }
        (hasAlias, lineHasAlias) = (true, true)
        hasKey = hasKey || colonFollows(name.endIndex)
      // Without `?` a key stands on one line.
      case UInt8(ascii: "\n"), UInt8(ascii: "\r"): lineHasAlias = false
      case UInt8(ascii: "]"), UInt8(ascii: "}"):
        hasKey = hasKey || lineHasAlias && colonFollows(index + 1)
      case UInt8(ascii: "?"):
        hasKey = hasKey || index == 0 || isOneOf(bytes[index - 1], " \t\r\n[{,:-")
      default: break
      }
    }
    return hasAlias && hasKey
  }

  /// The bytes with a line feed for each of the other ends of lines that YAML 1.1 knows (U+0085, U+2028
  /// and U+2029), and a space for a byte order mark at the beginning, which is not looked at.
  private static func withPlainLineEnds(_ bytes: [UInt8]) -> [UInt8] {
    var plain: [UInt8] = []
    plain.reserveCapacity(bytes.count)
    var rest = bytes[...]
    func skip(_ sequence: [UInt8], for byte: Character) -> Bool {
      guard rest.starts(with: sequence) else { return false }
      plain += String(byte).utf8
      rest = rest.dropFirst(sequence.count)
      return true
    }
    _ = skip([0xEF, 0xBB, 0xBF], for: " ")
    while let byte = rest.first {
      switch byte {
      case 0xC2 where skip([0xC2, 0x85], for: "\n"): continue
      case 0xE2 where skip([0xE2, 0x80, 0xA8], for: "\n"): continue
      case 0xE2 where skip([0xE2, 0x80, 0xA9], for: "\n"): continue
      default:
        plain.append(byte)
        rest = rest.dropFirst()
      }
    }
    return plain
  }
}

/// The keys of a mapping, which are texts, and their values.
struct PlanFields {
  /// As they came.
  let pairs: [(key: String, value: Node)]
  private let values: [String: Node]

  /// Nil where the node is not a mapping; neither is what is left empty.
  /// - Parameters:
  ///   - node: the mapping.
  ///   - place: where it stands, for the error.
  ///   - file: the plan.
  /// - Throws: `PlanError.malformed` for a key that is not text, or occurs twice.
  init?(_ node: Node, place: String, file: String) throws(PlanError) {
    guard let mapping = node.mapping else { return nil }
    var (pairs, values) = ([(key: String, value: Node)](), [String: Node]())
    for (key, value) in mapping {
      guard let key = key.scalar?.string, !key.contains("\0") else {
        throw .malformed(file: file, problem: "\(place): expected texts as keys")
      }
      guard values.updateValue(value, forKey: key) == nil else {
        throw .malformed(file: file, problem: "\(place): the key \(quoted(key)) occurs twice")
      }
      pairs.append((key, value))
    }
    (self.pairs, self.values) = (pairs, values)
  }

  /// The value of a key; nil where the key is not there.
  subscript(key: String) -> Node? { values[key] }
}

extension Node {
  /// The text of a scalar; nil for a list, a mapping and a text that an argument or a path would end in
  /// the middle of.
  var text: String? { scalar.flatMap { $0.string.contains("\0") ? nil : $0.string } }

  /// Whether nothing stands behind a key.
  var isEmpty: Bool { scalar.map { $0.string.isEmpty && $0.style == .plain } ?? false }
}
