import ArgumentParser

/// Options of one letter: each stands for the same long one in every command that has it.
enum ShortName: Character, CaseIterable {
  case model = "m"
  case text = "f"
  case ctx = "c"
  case threads = "t"
  case output = "o"
  case verbose = "v"

  /// The long option, with its dashes.
  var long: String { "--\(self)" }

  /// Both names, for a command's declaration.
  var names: NameSpecification { [.customShort(rawValue), .customLong("\(self)")] }

  /// The options that an argument names: itself, or the long ones for letters behind one dash.
  static func options(in argument: String) -> [String] {
    guard argument.hasPrefix("-"), !argument.hasPrefix("--") else { return [argument] }
    return argument.dropFirst().map { ShortName(rawValue: $0)?.long ?? "-\($0)" }
  }
}
