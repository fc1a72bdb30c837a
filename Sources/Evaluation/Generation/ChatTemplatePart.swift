import Foundation

/// What stands in a chat template between the beginning of one tag (`{% ... %}`) and the next, and
/// under which conditions. They are read and not evaluated.
struct ChatTemplatePart {
  /// What the tag says, without its braces; empty for what comes before the first.
  let tag: String
  /// What follows the tag: text that is written, and expressions (`{{ ... }}`).
  let text: String
  /// Whether it counts only in conversations that offer tools.
  let isForTools: Bool
  /// Whether a condition of it never holds: llama's first templates have such a switch.
  let isUnused: Bool
  /// Whether it is in no block: neither conditional nor repeated.
  let isOutside: Bool

  /// The parts of a template without comments, in its order.
  static func parts(of template: String) -> [ChatTemplatePart] {
    var open: [Block] = []
    return template.components(separatedBy: "{%").enumerated().map { index, piece in
      var (tag, text) = ("", piece)
      if index > 0 {
        let ends = piece.components(separatedBy: "%}")
        tag = ends[0].trimmingCharacters(in: CharacterSet(charactersIn: "-+ \t\n"))
        text = ends.dropFirst().joined(separator: "%}")
        Block.read(tag, &open)
      }
      return ChatTemplatePart(
        tag: tag, text: text, isForTools: open.last?.isForTools ?? false,
        isUnused: open.last?.isUnused ?? false, isOutside: open.isEmpty)
    }
  }

  /// Whether a mark is written here in every conversation.
  func alwaysWrites(_ mark: String) -> Bool {
    guard isOutside else { return false }
    return text.components(separatedBy: "{{").enumerated().contains { index, piece in
      guard index > 0 else { return piece.contains(mark) }
      let ends = piece.components(separatedBy: "}}")
      return ends.dropFirst().contains { $0.contains(mark) }
        || (ends[0].contains(mark) && !ends[0].contains(" if "))
    }
  }

  /// The sentence that the tag keeps as the system turn of those who write none; nil where it keeps
  /// none.
  var storedSystemTurn: String? {
    let pattern = #"\Aset\s+\w{0,40}system(?:_message|_prompt)?\s*=\s*['"]\s*(?=\S+\s)"#
    return tag.range(of: pattern, options: .regularExpression).map {
      ChatFormat.literal(tag[$0.upperBound...])
    }
  }
}

/// A block of a template that is open, in the branch that is read.
private struct Block {
  let name: String
  /// Whether what is around it, and whether its branch, counts only with tools or not at all.
  private let around: (isForTools: Bool, isUnused: Bool)
  private let branch: (isForTools: Bool, isUnused: Bool)
  /// Whether its condition asks for a conversation without tools: the other branch is for tools.
  private let lacksTools: Bool

  var isForTools: Bool { around.isForTools || branch.isForTools }
  var isUnused: Bool { around.isUnused || branch.isUnused }

  private init(
    _ name: String, around: (isForTools: Bool, isUnused: Bool), condition: String
  ) {
    func matches(_ pattern: String) -> Bool {
      condition.range(of: pattern, options: [.regularExpression, .caseInsensitive]) != nil
    }
    let namesTools = condition.contains("tools")
    lacksTools =
      namesTools
      && matches(
        #"\bnot\s+\(?\s*tools\b|\btools\s+is\s+(?:not\s+defined|undefined|none)\b"#
          + #"|\btools\s*\|\s*length\s*==\s*0"#)
    self.name = name
    self.around = around
    branch = (namesTools && !lacksTools, matches(#"\bfalse\s*==\s*true\b"#))
  }

  /// The branch of those for whom no condition of the block holds.
  private init(otherwise block: Block) {
    name = block.name
    around = block.around
    branch = (block.lacksTools, false)
    lacksTools = false
  }

  private static let names: Set = ["if", "for", "macro", "call", "filter", "block"]

  /// Opens or closes a block, or takes it to its next branch, as a tag says.
  static func read(_ tag: String, _ open: inout [Block]) {
    let name = String(tag.prefix(while: \.isLetter))
    let condition = String(tag.dropFirst(name.count))
    if names.contains(name) {
      let around = open.last.map { ($0.isForTools, $0.isUnused) } ?? (false, false)
      open.append(Block(name, around: around, condition: condition))
    } else if let last = open.last {
      if name == "end" + last.name {
        open.removeLast()
      } else if name == "elif" {
        open[open.count - 1] = Block(last.name, around: last.around, condition: condition)
      } else if name == "else" {
        open[open.count - 1] = Block(otherwise: last)
      }
    }
  }
}
