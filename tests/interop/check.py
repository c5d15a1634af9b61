# SPDX-License-Identifier: MIT
#
# check.py SIMCLR - what simclr writes, read by the programs it is meant for, and the other way round:
# safetensors, torch.load and torchvision (weights both ways, equal features, the same fine-tuning), NumPy (features,
# search), ONNX Runtime (equal features of every kind of encoder), TensorBoard.
# Needs: torch torchvision safetensors onnx onnxruntime tensorboard numpy pillow.  Prints one line a check; exit 1
# when one fails, 77 when a package is missing.
import glob
import json
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    import onnxruntime
    import torch
    import torchvision
    from PIL import Image
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig
    from google.protobuf import text_format
except ImportError as e:
    print("SKIPPED: interop:", e)
    sys.exit(77)

SIMCLR = sys.argv[1]
MEAN, STD = np.array([.485, .456, .406]), np.array([.229, .224, .225])
failures = 0


def check(ok, what):
    global failures
    failures += not ok
    print("ok    " if ok else "FAILED", what)


def run(*args):
    done = subprocess.run([SIMCLR, *map(str, args)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"simclr {' '.join(map(str, args))}: exit {done.returncode}\n{done.stderr}")
    return done.stdout


def pictures(folder, side, n=40):
    """n PNG files in 4 classes; the same as an array (n,3,side,side) in 0 .. 1, as the evaluation sees them."""
    rng = np.random.default_rng(0)
    x = []
    for i in range(n):
        small = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        image = Image.fromarray(small).resize((side, side), Image.BICUBIC)
        os.makedirs(f"{folder}/class{i % 4}", exist_ok=True)
        image.save(f"{folder}/class{i % 4}/{i:03}.png")
        x.append(((i % 4, i), np.asarray(image) / 255))
    x.sort(key=lambda item: item[0])
    return np.stack([v for _, v in x]).transpose(0, 3, 1, 2)


def resnet(arch, stem):
    net = getattr(torchvision.models, arch)(weights=None)
    if stem == "cifar":
        net.conv1 = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        net.maxpool = torch.nn.Identity()
    return net


def normalised(x):
    return torch.tensor((x - MEAN.reshape(3, 1, 1)) / STD.reshape(3, 1, 1), dtype=torch.float32)


def features(net, x):
    net.fc = torch.nn.Identity()
    net.eval()
    with torch.no_grad():
        return net(normalised(x)).numpy()


def relative(a, b):
    return float(np.abs(a - b).max() / np.abs(b).max())


def relative_l2(a, b):
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def same_tensors(path, name):
    """torch.load and numpy.load of the other formats give what safetensors holds, and its settings."""
    state = load_file(path + ".safetensors")
    with safe_open(path + ".safetensors", "pt") as file:
        settings = {k: v for k, v in file.metadata().items() if k != "format"}
    for mmap in False, True:
        pth = torch.load(path + ".pth", weights_only=True, mmap=mmap)
        check(pth.keys() == state.keys() and pth.metadata == settings and
              all(pth[k].dtype == state[k].dtype and torch.equal(pth[k], state[k]) for k in state),
              f"{name}: torch.load(mmap={mmap}) gives the same {len(pth)} tensors and settings")
    npz = np.load(path + ".npz")
    ours = {k: v.numpy() for k, v in state.items()}
    check(set(npz.files) == state.keys() and json.loads(npz.zip.comment) == settings and
          all(npz[k].dtype == ours[k].dtype and np.array_equal(npz[k], ours[k]) for k in ours),
          f"{name}: numpy.load gives the same {len(npz.files)} tensors and settings")
    return pth


def runs(path, x, ours, name):
    """ONNX Runtime makes our features of the same images, in batches of any size, and z of them."""
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    images = x.astype(np.float32)
    h, z = session.run(["features", "z"], {"images": images})
    one = session.run(["features"], {"images": images[:1]})[0]
    worst = max(relative_l2(h, ours), relative_l2(one, ours[:1]))
    settings = {p.key: p.value for p in model.metadata_props}
    check(h.shape == ours.shape and z.shape == (len(x), int(settings["projector.out_dim"])) and
          worst < 1e-4, f"{name}: ONNX Runtime gives the same features; relative L2 {worst:.1e}")
    return z


def projected(path, h):
    """z of the projector that is not set otherwise: linear, ReLU, linear."""
    state = load_file(path)
    hidden = torch.tensor(h) @ state["projector.0.weight"].T + state["projector.0.bias"]
    return (hidden.relu() @ state["projector.2.weight"].T + state["projector.2.bias"]).numpy()


def weights(work, arch, stem, side):
    """Trained here, run there."""
    data, name = f"{work}/{arch}-{stem}", f"{arch}, {stem} stem, {side} px"
    x = pictures(data, side)
    run("train", f"folder:{data}", "-o", data + "-run", f"arch={arch}", "train.log_every=1",
        f"stem={stem}", f"image_size={side}", "batch=8", "steps=4", "epochs=2", "precision=fp32")
    run("export", data + "-run", "-o", data + ".safetensors")
    state = load_file(data + ".safetensors")
    net = resnet(arch, stem)
    missing, unexpected = net.load_state_dict(state, strict=False)
    check(missing == ["fc.weight", "fc.bias"] and not unexpected,
          f"{name}: torchvision loads the export; missing {missing}, unexpected {unexpected}")
    run("embed", data + "-run", f"folder:{data}", "-o", data + ".npy")
    ours = np.load(data + ".npy")
    worst = relative(ours, features(net, x))
    # fp32 through 18 to 50 layers, sums in another order
    check(ours.shape == (len(x), 512 if arch != "resnet50" else 2048) and worst < 1e-4,
          f"{name}: the same features; worst difference {worst:.1e} of the largest")
    for extension in "pth", "npz":
        run("export", data + "-run", "-o", f"{data}.{extension}")
    missing, unexpected = resnet(arch, stem).load_state_dict(same_tensors(data, name), strict=False)
    check(missing == ["fc.weight", "fc.bias"] and not unexpected,
          f"{name}: torchvision loads the .pth; missing {missing}, unexpected {unexpected}")
    for extension in "onnx", "safetensors":
        run("export", data + "-run", "--projector", "-o", f"{data}-z.{extension}")
    worst = relative_l2(runs(data + "-z.onnx", x, ours, name), projected(data + "-z.safetensors", ours))
    check(worst < 1e-4, f"{name}: ONNX Runtime gives the same z; relative L2 {worst:.1e}")
    return data + "-run", x, data


SMALL = ["model.width=0.125", "stem=imagenet", "projector.layers=32"]
ACTIVATIONS = ["identity", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "hardswish",
               "softplus", "tanh", "sigmoid"]
OPTIONS = [[f"model.activation={name}", f"projector.activation={name}"] for name in ACTIVATIONS] + [
    ["model.activation=leaky_relu", "model.activation_alpha=0.3"],
    ["model.activation=softplus", "model.activation_alpha=3"],
    ["model.norm=groupnorm", "model.norm_groups=4", "projector.norm=groupnorm", "projector.norm_groups=4"],
    ["model.norm=groupnorm", "model.norm_groups=8", "model.norm_affine=false"],
    ["model.norm=instancenorm"], ["model.norm=instancenorm", "model.norm_affine=false"],
    ["model.norm=none"], ["model.norm_affine=false", "projector.norm=batchnorm", "projector.last_norm=true"],
    ["model.norm_eps=0.05"], ["model.padding=reflect"], ["model.padding=reflect", "model.down=conv"],
    ["model.down=conv"], ["model.down=avgpool", "model.pool_kernel=5"], ["model.down=none"],
    ["model.pool_kernel=2"], ["model.last_pool=max"], ["model.out_channels=24"], ["model.stem_kernel=5"],
    ["model.strides=1,3,2,1,3,1"], ["model.dilations=2,1,3,2"], ["projector.layers="],
    ["views.normalize=own", "views.mean=0.1,0.2,0.3", "views.std=0.4,0.5,0.6"],
    ["views.normalize=none"], ["arch=resnet34", "stem=cifar"],
]


def options(work):
    """Every kind of encoder as a graph."""
    x = pictures(f"{work}/small", 40, 12)
    for i, keys in enumerate(OPTIONS):
        of = f"{work}/small-{i}"
        run("train", f"folder:{work}/small", "-o", of, "image_size=40", "batch=6", "steps=2", "epochs=1",
            "precision=fp32", "train.checkpoint_steps=0", *SMALL, *keys)
        run("embed", of, f"folder:{work}/small", "-o", of + ".npy")
        run("export", of, "--projector", "-o", of + ".onnx")
        runs(of + ".onnx", x, np.load(of + ".npy"), " ".join(keys))


def back(work, x, data, side):
    """torchvision's weights, run here."""
    torch.manual_seed(1)
    net = resnet("resnet18", "imagenet")
    for m in net.modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            m.running_mean.normal_(0, .1)
            m.running_var.uniform_(.5, 2)
    save_file(net.state_dict(), f"{work}/tv.safetensors")
    run("import", f"{work}/tv.safetensors", "-o", f"{work}/imported", f"image_size={side}", "precision=fp32",
        f"data.dataset=folder:{data}")
    run("embed", f"{work}/imported", f"folder:{data}", "-o", f"{work}/imported.npy")
    worst = relative(np.load(f"{work}/imported.npy"), features(net, x))
    check(worst < 1e-4, f"import of torchvision's weights: worst difference {worst:.1e}")


def search(trained, data):
    """Neighbours, outliers and duplicates by NumPy, of the features that embed has written."""
    names = [line.split("\t")[1] for line in open(data + ".files.tsv")][1:]
    h = np.load(data + ".npy").astype(np.float64)
    u = h / np.linalg.norm(h, axis=1, keepdims=True)
    cosine = u @ u.T
    found = json.loads(run("search", trained, data, "--data", f"folder:{data}", "-k", len(names), "--json"))
    row = {name: i for i, name in enumerate(names)}
    worst = max(abs(match["similarity"] - cosine[row[q["query"]], row[match["path"]]])
                for q in found["queries"] for match in q["neighbours"])
    check(len(found["queries"]) == len(names) and worst < 1e-5,
          f"search: cosines differ by {worst:.1e} at most")
    np.fill_diagonal(cosine, -1)
    near = np.sort(cosine)[:, -10:].mean(1)
    found = json.loads(run("search", trained, "--data", f"folder:{data}", "--outliers", "--json"))
    worst = max(abs(o["distance"] - 1 + near[row[o["path"]]]) for o in found["outliers"])
    check(worst < 1e-5 and found["outliers"][0]["path"] == names[near.argmin()],
          f"search: distances of outliers differ by {worst:.1e} at most")
    threshold = np.sort(cosine.ravel())[-40] - 1e-6
    found = json.loads(run("search", trained, "--data", f"folder:{data}", "--duplicates",
                           "--threshold", float(threshold), "--json"))
    of = list(range(len(names)))
    for i, j in zip(*np.nonzero(cosine >= threshold)):
        of = [min(of[i], of[j]) if g in (of[i], of[j]) else g for g in of]
    theirs = {frozenset(n for n, g in zip(names, of) if g == one) for one in of if of.count(one) > 1}
    check({frozenset(image["path"] for image in g) for g in found["groups"]} == theirs,
          f"search: {len(theirs)} groups of duplicates")
    kept = load_file(glob.glob(trained + "/index/*.safetensors")[0])
    check(relative(kept["h"].numpy(), u.astype(np.float32)) < 1e-6 and
          kept["rows"].tolist() == list(range(len(names))), "search: RUN/index holds h, l2-normalised")


def tuned_by_torch(start, x, label, epochs, rate, dtype):
    """The weights that Nesterov's SGD makes of `start` with a classifier of zeros, all images a step."""
    net = resnet("resnet18", "cifar")
    net.fc = torch.nn.Linear(512, 4)
    net.load_state_dict(start, strict=False)
    for p in net.fc.parameters():
        torch.nn.init.zeros_(p)
    net.to(dtype)
    peak = rate * len(x) / 256
    sgd = torch.optim.SGD(net.parameters(), lr=peak, momentum=.9, nesterov=True)
    for epoch in range(epochs):
        sgd.param_groups[0]["lr"] = peak * (1 + np.cos(np.pi * epoch / epochs)) / 2
        sgd.zero_grad()
        torch.nn.functional.cross_entropy(net(x.to(dtype)), label).backward()
        sgd.step()
    return net.state_dict()


def finetuned(work, epochs=3, rate=.2):
    """The same fine-tuning, here and there, of whole images; there in double, too, as the truth."""
    data = f"{work}/tune"
    x = normalised(pictures(data, 32))
    label = torch.arange(4).repeat_interleave(10)
    test = torch.arange(len(x)) % 10 == 9
    run("train", f"folder:{data}", "-o", data + "-run", "stem=cifar", "batch=8", "steps=4", "epochs=2",
        "precision=fp32", "views.crop_scale=1,1", "views.crop_ratio=1,1", "views.hflip=0")
    run("export", data + "-run", "-o", data + ".safetensors")
    ours = json.loads(run(
        "eval", data + "-run", "--protocol", "finetune", "--json", "--save", data + "-fine.safetensors",
        f"finetune.epochs={epochs}", f"finetune.lr={rate}", "finetune.held_out=0", "finetune.batch=64"))
    start = load_file(data + ".safetensors")
    truth, single = (tuned_by_torch(start, x[~test], label[~test], epochs, rate, dtype)
                     for dtype in (torch.float64, torch.float32))
    net = resnet("resnet18", "cifar")
    net.fc = torch.nn.Linear(512, 4)
    net.load_state_dict(load_file(data + "-fine.safetensors"), strict=True)

    def error(state):
        """Of the way from the start that the weights have gone."""
        off = sum(float((state[k].double() - truth[k]).pow(2).sum()) for k in truth)
        way = sum(float((truth[k] - start[k]).pow(2).sum()) for k in start)
        return (off / way) ** .5
    here, there = error(net.state_dict()), error(single)
    check(here < 3 * there + 1e-4, f"fine-tuned as by PyTorch in double but for {here:.1e}; "
          f"PyTorch in single precision: {there:.1e}; torchvision loads it strictly")
    net.eval()
    with torch.no_grad():
        right = 100 * float((net(x[test]).argmax(1) == label[test]).float().mean())
    check(abs(right - ours["top1"]) < 1e-3, f"top-1 of the test images there {right:.1f}, here {ours['top1']:.1f}")


def tensorboard(path):
    log = EventAccumulator(path, size_guidance={"images": 0, "histograms": 0, "tensors": 0})
    log.Reload()
    tags = log.Tags()
    check({"loss/train", "eval/knn_top1", "train/lr"} <= set(tags["scalars"]),
          f"TensorBoard: {len(tags['scalars'])} scalars")
    lines = [json.loads(line) for line in open(path + "/metrics.jsonl")]
    ours = {line["step"]: line["loss"] for line in lines if "loss" in line}
    theirs = {e.step: e.value for e in log.Scalars("loss/train")}
    check(ours.keys() == theirs.keys() and
          all(abs(ours[s] - theirs[s]) < 1e-6 * abs(ours[s]) for s in ours),
          f"TensorBoard: loss/train equals metrics.jsonl at {len(ours)} steps")
    picture = log.Images("views")[0] if "views" in tags["images"] else None
    check(picture is not None and picture.encoded_image_string[:4] == b"\x89PNG",
          f"TensorBoard: images {tags['images']}")
    check(any(t.startswith("weights/") for t in tags["histograms"]) and
          "activations/h" in tags["histograms"], f"TensorBoard: {len(tags['histograms'])} histograms")
    check("_hparams_/session_start_info" in log.summary_metadata, "TensorBoard: hparams")
    projector(path)


def projector(path):
    config = ProjectorConfig()
    text_format.Parse(open(path + "/projector_config.pbtxt").read(), config)
    e = config.embeddings[0]
    n, d = e.tensor_shape
    vectors = np.fromfile(f"{path}/{e.tensor_path}", "<f4") if e.tensor_path.endswith(".bytes") else \
        np.loadtxt(f"{path}/{e.tensor_path}", delimiter="\t", ndmin=2)
    rows = sum(1 for _ in open(f"{path}/{e.metadata_path}"))
    sprite = Image.open(f"{path}/{e.sprite.image_path}")
    side = e.sprite.single_image_dim[0]
    check(vectors.size == n * d and rows in (n, n + 1) and sprite.width % side == 0 and
          (sprite.width // side) * (sprite.height // side) >= n,
          f"TensorBoard projector: {n} x {d}, {rows} lines of labels, sprite {sprite.size}")


with tempfile.TemporaryDirectory() as work:
    weights(work, "resnet50", "imagenet", 64)
    weights(work, "resnet18", "cifar", 32)
    trained, x, data = weights(work, "resnet18", "imagenet", 96)
    back(work, x, data, 96)
    options(work)
    search(trained, data)
    finetuned(work)
    tensorboard(trained)
    check(len(glob.glob(trained + "/events.out.tfevents.*")) == 1, "one event file")
print("torch", torch.__version__, "torchvision", torchvision.__version__, "numpy", np.__version__,
      "onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__)
sys.exit(failures > 0)
