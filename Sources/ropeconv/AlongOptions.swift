import ArgumentParser
import Conversion

/// What a converted file has beside the model's own weights and settings.
struct AlongOptions: ParsableArguments {
  @Flag(help: "Copy tensors that the model does not use; without it unknown ones are an error.")
  var keepExtra = false

  @Option(
    help: ArgumentHelp(
      "Set a metadata key (GGUF) or a member of config.json; may be repeated.",
      valueName: "key=value"))
  var set: [String] = []

  @Option(help: ArgumentHelp("Leave a key out; may be repeated.", valueName: "key"))
  var remove: [String] = []

  func edits() throws -> MetadataEdits {
    try MetadataEdits(set: set, remove: remove)
  }
}
