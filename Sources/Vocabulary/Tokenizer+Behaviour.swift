import Base
import Checkpoints

extension Tokenizer {
  /// Bytes that differ wherever two tokenizers might tokenize differently: the stored description,
  /// and what was made of it.
  /// - Throws: what opening a file of the description throws: bytes without it would be another
  ///   tokenizer's.
  package func behaviour(of checkpoint: Checkpoint) throws(FileError) -> [UInt8] {
    var bytes: [UInt8] = []
    func append(_ text: String) {
      bytes += text.utf8
      bytes.append(0)
    }
    append("\(model);\(preTokenizer ?? "")")
    append("\(bos.map(String.init) ?? "none");\(addsBOS)")
    append("\(eos.map(String.init) ?? "none");\(addsEOS)")
    append(String(describing: normalizer))
    // Of a GGUF file that states an id without a name; its other keys are below.
    for token in SpecialTokenKey.allCases
    where stored.unnamed.contains(token) && stored.metadata[token.gguf] != nil {
      append("no \(token.rawValue)")
    }
    // Once they were the unknown token: results of then are not of these tokens.
    if stored.unknown != nil, !bytesLeftOut.isEmpty { append("bytes left out") }
    // The name of a GGUF file, which is not among these keys, may say that tokens take white space.
    if !stored.metadata.isEmpty {
      for entry in special.entries where entry.stripsLeft || entry.stripsRight {
        append("\(entry.id);\(entry.stripsLeft);\(entry.stripsRight)")
      }
    }
    // Characters without a token, and byte tokens, were once spelled in other ways.
    if stored.metadata.isEmpty, case .bytePairs(let encoder, _) = algorithm,
      encoder.mayMeetUnknown
    {
      append("unknown characters")
    }
    for (key, value) in stored.metadata where key != TokenizerKey.chatTemplate {
      append(key)
      if case .array(let array) = value {
        array.withBytes { bytes += $0 }
      } else {
        append(String(describing: value))
      }
    }
    if stored.metadata.isEmpty {
      for name in [ModelFolder.tokenizer, ModelFolder.tokenizerConfiguration] {
        guard let file = try checkpoint.companions?.openWhereThere(name) else { continue }
        append(name)
        file.withBytes(0..<file.size) { bytes += $0 }
      }
    }
    return bytes
  }
}
