import ArgumentParser
import Conversion

/// What a conversion's output holds beside the model's own weights and keys, and in how many files.
struct ContentOptions: ParsableArguments {
  @Flag(help: "Copy tensors that the model does not use; without this, unknown ones are an error.")
  var keepExtra = false

  @Option(
    help: ArgumentHelp(
      "Set a metadata key (GGUF) or a member of config.json; may be repeated.",
      valueName: "key=value"))
  var set: [String] = []

  @Option(help: ArgumentHelp("Leave a key out; may be repeated.", valueName: "key"))
  var remove: [String] = []

  @Option(
    help: ArgumentHelp(
      "Split the weights into files of at most this size, such as 2G (.gguf, folders, archives).",
      valueName: "size"))
  var shardSize: String?

  func edits() throws -> MetadataEdits {
    try MetadataEdits(set: set, remove: remove)
  }
}
