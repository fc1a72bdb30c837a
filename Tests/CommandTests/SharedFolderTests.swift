import Base
import Checkpoints
import Foundation
import Tensors
import TestSupport
import Testing

/// Outputs in folders that others lock, work in and write to, and signals on the way.
@Suite struct SharedFolderTests: CommandSuite {
  /// What a script prints in which `$program`, `$model` and the folder `$d` are known.
  private func shell(_ script: String, in folder: String) throws -> [String] {
    let done = try runProgram(
      "/bin/sh", ["-c", script],
      environment: [
        "program": Self.program, "model": Self.model, "text": Self.text, "d": folder,
      ])
    return (done.output + done.errors).split(separator: "\n").map(String.init)
  }

  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = try References.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  private func names(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  /// `flock FOLDER ropeconv ...` is usual in scripts: it waited for itself for ever.
  @Test func theCallersLockIsOurs() throws {
    try withFolder { folder in
      let said = try shell(
        "timeout 25 flock $d $program convert $model --to qkvo -o $d/x.gguf --quiet > $d/said; echo $?",
        in: folder)
      #expect(said == ["0"])
      #expect(try names(folder) == ["said", "x.gguf"])
    }
  }

  @Test func othersLocksAreWaitedFor() throws {
    try withFolder { folder in
      let said = try shell(
        """
        flock $d sleep 2 & while flock -n $d true; do sleep 0.05; done
        $program convert $model --to qkvo -o $d/x/ --quiet > /dev/null; echo $?
        flock $d sleep 6 & while flock -n $d true; do sleep 0.05; done
        $program convert $model --to qkvo -o $d/y/ --quiet > /dev/null 2>&1 & waiting=$!
        sleep 1.5; kill -TERM $waiting; wait $waiting; echo $?
        """, in: folder)
      #expect(said == ["0", "143"])
      #expect(try names(folder) == ["x"])
    }
  }

  /// The folder that the program works in, and that lies in itself.
  @Test func theWorkingFolderIsAnOutput() throws {
    try withFolder { folder in
      let said = try shell(
        """
        cd $d; mkdir w; cd w
        timeout 25 $program convert $model --to vo -o ./ --force --quiet > /dev/null 2>&1; echo $?
        """, in: folder)
      #expect(said == ["0"])
      #expect(try names("\(folder)/w").contains("config.json"))
    }
  }

  /// Whoever works in an older folder goes on in the new one: what they write there is not lost.
  @Test func foldersThatOthersWorkInStay() throws {
    try withFolder { folder in
      let said = try shell(
        """
        $program convert $model --to vo -o $d/x/ --quiet > /dev/null 2>&1
        (cd $d/x && exec sleep 60) & working=$!; sleep 0.3
        stat -c %i $d/x; $program convert $model --to qkvo -o $d/x/ --force --quiet > /dev/null
        stat -c %i $d/x; kill $working; wait $working
        $program convert $model --to qkvo -o $d/x/ --force --quiet > /dev/null; stat -c %i $d/x
        """, in: folder)
      try #require(said.count >= 3)
      #expect(said[0] == said[1])
      // With nobody in it, it changes places with the new one.
      #expect(said[1] != said[2])
      #expect(try names(folder) == ["x"])
    }
  }

  /// A signal removes all files of an output, however many.
  @Test func signalsRemoveEveryFile() throws {
    try withFolder { folder in
      let deep = "\(folder)/deep"
      try Self.writeDeepModel(to: deep)
      let said = try shell(
        """
        mkdir $d/out; $program convert $d/deep --to vo --shard-size 1 -o $d/out/x.gguf --quiet > /dev/null 2>&1 &
        while [ "$(ls $d/out/.x*/ 2> /dev/null | wc -l)" -lt 1030 ] && kill -0 $!; do sleep 0.01; done
        kill -TERM $!; wait $!; echo $?
        """, in: folder)
      #expect(said == ["143"])
      #expect(try names("\(folder)/out") == [])
    }
  }

  private static func writeDeepModel(to folder: String) throws {
    let (width, inner, vocabulary, layers) = (16, 32, 64, 300)
    var shapes: [(String, [Int])] = [
      ("model.embed_tokens", [vocabulary, width]), ("lm_head", [vocabulary, width]),
      ("model.norm", [width]),
    ]
    for layer in 0..<layers {
      let square = ["q", "k", "v", "o"].map { ("self_attn.\($0)_proj", [width, width]) }
      let network = [
        ("mlp.gate_proj", [inner, width]), ("mlp.up_proj", [inner, width]),
        ("mlp.down_proj", [width, inner]),
      ]
      let norms = ["input", "post_attention"].map { ("\($0)_layernorm", [width]) }
      shapes += (square + network + norms).map { ("model.layers.\(layer).\($0.0)", $0.1) }
    }
    let tensors = shapes.map { name, shape in
      let count = shape.reduce(1, *)
      return OutputTensor(
        name: "\(name).weight", type: .f32, shape: shape,
        contents: .computed {
          (0..<count).map { Float(($0 * 7) % 13 - 6) / 32 }.withUnsafeBytes { Array($0) }
        })
    }
    let configuration: JSONValue = [
      "model_type": "llama", "architectures": ["LlamaForCausalLM"],
      "hidden_size": JSONValue(width), "intermediate_size": JSONValue(inner),
      "num_attention_heads": 2, "num_key_value_heads": 2, "num_hidden_layers": JSONValue(layers),
      "vocab_size": JSONValue(vocabulary), "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
      "max_position_embeddings": 64, "tie_word_embeddings": false, "hidden_act": "silu",
    ]
    try FolderWriter.write(
      to: folder, configuration: configuration, tensors: tensors, extraFiles: [], shardSize: nil,
      force: false, inputs: [])
  }

  /// Two names that are not UTF-8 became one, and the second output took the first one's place.
  @Test func namesAreUTF8() throws {
    try withFolder { folder in
      let said = try shell(
        """
        $program convert $model --to qkvo -o "$(printf '%s/\\377o.gguf' $d)"; echo $?
        $program inspect "$(printf '%s/m\\377.gguf' $d)" --json | head -c 1; echo
        """, in: folder)
      #expect(said.first == "64")
      #expect(said.contains { $0.contains("is not UTF-8") })
      #expect(said.contains("{"))
      #expect(try names(folder) == [])
    }
  }

  /// A model's name in the line that moves on a terminal.
  @Test func namesOnATerminalAreEscaped() throws {
    try withFolder { folder in
      let said = try shell(
        """
        name=$(printf 'N\\033[2J\\033]0;t\\007')
        $program convert $model -o $d/n.gguf --set "general.name=$name" --quiet > /dev/null 2>&1; echo $?
        command -v script > /dev/null || { echo no script; exit; }
        TERM=xterm script -qec "$program eval perplexity $d/n.gguf --text $text --ctx 64 --stride 2" /dev/null \
          > $d/seen < /dev/null; echo $?
        """, in: folder)
      guard said == ["0", "0"] else {
        #expect(said == ["0", "no script"], "\(said)")
        return
      }
      let seen = try String(
        decoding: Data(contentsOf: URL(fileURLWithPath: "\(folder)/seen")), as: UTF8.self)
      #expect(seen.contains("N\\u{1b}[2J"), "\(seen.prefix(400))")
      #expect(!seen.contains("\u{1b}[2J") && !seen.contains("\u{7}"))
    }
  }
}
