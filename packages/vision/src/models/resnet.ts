import { type Tensor, TensorError } from "@fai/tensor";
import {
  AdaptiveAvgPool2d,
  type AnyModule,
  BatchNorm2d,
  Conv2d,
  constantInit,
  Identity,
  kaimingNormal,
  Linear,
  MaxPool2d,
  Module,
  Sequential,
} from "@fai/tensor/nn";

/** The layers before the first block. */
export interface StemOptions {
  /** Side of the first convolution (7). */
  kernelSize?: number;
  /** Its stride (2). */
  stride?: number;
  /** Whether a 3x3 max pooling of stride 2 follows (true). */
  pool?: boolean;
}

/** Options of residual networks without their last layer. */
export interface ResNetBodyOptions {
  /** Channels of the pictures (3). */
  inChannels?: number;
  /** Channels of each stage ([64, 128, 256, 512]); the stem has those of the first. */
  channels?: readonly number[];
  /** The layers before the first block: by default ImageNet's, which divide the sides by four. */
  stem?: StemOptions;
  /** Whether the last batch norm of each block starts at 0, so that every block starts as the identity (false) (Goyal et al., 2017). */
  zeroInit?: boolean;
}

/** Options of residual networks. */
export interface ResNetOptions extends ResNetBodyOptions {
  /** Number of classes (1000). */
  classes?: number;
}

/** Two 3x3 convolutions beside a shortcut (He et al., "Deep residual learning", 2015): [N, C, H, W] -> [N, C', H/stride, W/stride]. */
export class BasicBlock extends Module<Tensor, Tensor> {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  /** The shortcut's 1x1 convolution and batch norm, where the block changes the shape. */
  readonly downsample: Sequential<readonly [Conv2d, BatchNorm2d]> | undefined;

  constructor(inChannels: number, outChannels: number, { stride = 1 }: { stride?: number } = {}) {
    super();
    this.conv1 = convolution(inChannels, outChannels, 3, stride);
    this.bn1 = new BatchNorm2d(outChannels);
    this.conv2 = convolution(outChannels, outChannels, 3, 1);
    this.bn2 = new BatchNorm2d(outChannels);
    const keepsShape = stride === 1 && inChannels === outChannels;
    this.downsample = keepsShape
      ? undefined
      : new Sequential(convolution(inChannels, outChannels, 1, stride), new BatchNorm2d(outChannels));
  }

  forward(x: Tensor): Tensor {
    const inner = this.bn1.call(this.conv1.call(x)).relu();
    const made = this.bn2.call(this.conv2.call(inner));
    return made.add(this.downsample ? this.downsample.call(x) : x).relu();
  }
}

/** The stem and the stages of a residual network: pictures [N, 3, H, W] -> feature maps [N, features, h, w]. */
export class ResNetBody extends Module<Tensor, Tensor> {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly maxpool: Module<Tensor, Tensor>;
  /** The stages, named layer1, layer2, ... as in torchvision. */
  readonly stages: readonly Sequential<readonly BasicBlock[]>[];
  /** Channels of the last stage. */
  readonly features: number;

  /** `blocks`: how many blocks each stage has. Throws when there are not as many channels as stages. */
  constructor(
    blocks: readonly number[],
    { inChannels = 3, channels = [64, 128, 256, 512], stem = {}, zeroInit = false }: ResNetBodyOptions = {},
  ) {
    super();
    check(blocks, channels);
    const { kernelSize = 7, stride = 2, pool = true } = stem;
    this.conv1 = convolution(inChannels, channels[0]!, kernelSize, stride);
    this.bn1 = new BatchNorm2d(channels[0]!);
    this.maxpool = pool ? new MaxPool2d(3, { stride: 2, padding: 1 }) : new Identity();
    this.stages = blocks.map((count, i) =>
      stage(count, channels[Math.max(0, i - 1)]!, channels[i]!, { stride: i === 0 ? 1 : 2 }),
    );
    this.features = channels.at(-1)!;
    if (zeroInit) this.zeroLastNorms();
  }

  forward(x: Tensor): Tensor {
    let maps = this.maxpool.call(this.bn1.call(this.conv1.call(x)).relu());
    for (const blocks of this.stages) maps = blocks.call(maps);
    return maps;
  }

  /** The stem with the first half of the stages, and the other half: what one rate suits (freezing, differential rates). */
  layerGroups(): AnyModule[][] {
    const half = Math.ceil(this.stages.length / 2);
    const groups = [[this.conv1, this.bn1, this.maxpool, ...this.stages.slice(0, half)], this.stages.slice(half)];
    return groups.filter((group) => group.length > 0);
  }

  protected override walkFields(): Iterable<readonly [string, unknown]> {
    return Object.entries(this).flatMap(([name, value]: [string, unknown]) =>
      name === "stages" ? this.stages.map((blocks, i) => [`layer${i + 1}`, blocks] as const) : [[name, value] as const],
    );
  }

  private zeroLastNorms(): void {
    for (const block of this.modules()) {
      if (block instanceof BasicBlock) block.bn2.weight!.load(constantInit([block.bn2.channels], 0));
    }
  }
}

/**
 * A residual network: pictures [N, 3, H, W] -> logits [N, classes]. Its cells have torchvision's names (`layer1.0.conv1.weight`,
 * `layer2.0.downsample.1.running_mean`, `fc.bias`), so its weights load.
 */
export class ResNet extends ResNetBody {
  readonly avgpool: AdaptiveAvgPool2d;
  readonly fc: Linear;

  constructor(blocks: readonly number[], { classes = 1000, ...body }: ResNetOptions = {}) {
    super(blocks, body);
    this.avgpool = new AdaptiveAvgPool2d(1);
    this.fc = new Linear(this.features, classes);
  }

  /** Those of the body, and the last layer. */
  override layerGroups(): AnyModule[][] {
    return [...super.layerGroups(), [this.avgpool, this.fc]];
  }

  override forward(x: Tensor): Tensor {
    return this.fc.call(this.avgpool.call(super.forward(x)).flatten(1));
  }
}

/** A residual network with `blocks[i]` basic blocks in stage i: `resnet([2, 2, 2, 2], { classes: 10 })`. */
export function resnet(blocks: readonly number[], options: ResNetOptions = {}): ResNet {
  return new ResNet(blocks, options);
}

/** ResNet-18, as torchvision's: 11.7 million parameters for 1000 classes. */
export function resnet18(options: ResNetOptions = {}): ResNet {
  return resnet([2, 2, 2, 2], options);
}

/** ResNet-34, as torchvision's: 21.8 million parameters for 1000 classes. */
export function resnet34(options: ResNetOptions = {}): ResNet {
  return resnet([3, 4, 6, 3], options);
}

/** Options of `smallResnet`. */
export interface SmallResnetOptions {
  /** Number of classes. */
  classes: number;
  /** Channels of the first stage (32); each later stage has twice those of the one before. */
  width?: number;
  /** Blocks of each stage ([1, 1, 1]). */
  blocks?: readonly number[];
  /** The layers before the first block (3x3, stride 1, no pooling). */
  stem?: StemOptions;
  /** Channels of the pictures (3). */
  inChannels?: number;
  /** Whether every block starts as the identity (true). */
  zeroInit?: boolean;
}

/** A residual network for pictures of about 28 to 96 pixels, which ImageNet's stem would shrink to nothing. */
export function smallResnet({
  classes,
  width = 32,
  blocks = [1, 1, 1],
  stem = { kernelSize: 3, stride: 1, pool: false },
  inChannels = 3,
  zeroInit = true,
}: SmallResnetOptions): ResNet {
  return resnet(blocks, { classes, channels: blocks.map((_, i) => width * 2 ** i), stem, inChannels, zeroInit });
}

function stage(count: number, inChannels: number, outChannels: number, options: { stride: number }) {
  const rest = Array.from({ length: count - 1 }, () => new BasicBlock(outChannels, outChannels));
  return new Sequential<readonly BasicBlock[]>(new BasicBlock(inChannels, outChannels, options), ...rest);
}

/** A convolution without bias (a batch norm follows), its weights normal with variance 2 / (fan out), as torchvision's. */
function convolution(inChannels: number, outChannels: number, kernelSize: number, stride: number): Conv2d {
  const padding = Math.floor(kernelSize / 2);
  const conv = new Conv2d(inChannels, outChannels, { kernelSize, stride, padding, bias: false });
  conv.weight.load(kaimingNormal(conv.weight.shape, { mode: "fanOut", nonlinearity: "relu" }));
  return conv;
}

function check(blocks: readonly number[], channels: readonly number[]): void {
  const counts = (list: readonly number[]) => list.every((n) => Number.isInteger(n) && n >= 1);
  if (blocks.length > 0 && blocks.length === channels.length && counts(blocks) && counts(channels)) return;
  throw new TensorError(
    "resnet",
    `blocks [${blocks.join(", ")}] and channels [${channels.join(", ")}]: expected one whole number of at least 1 a stage in each.`,
  );
}
