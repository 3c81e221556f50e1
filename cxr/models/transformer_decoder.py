"""A compact transformer behind the decoder interface: the second choice, to see whether the LSTM is what limits."""

from torch import Tensor, nn
from transformers import DynamicCache, EncoderDecoderCache, GPT2Config, GPT2LMHeadModel

from cxr.models.report_decoder import DecoderOutput, DecoderState

__all__ = ["TransformerDecoder"]


class TransformerDecoder(nn.Module):
    """A small GPT-2 from scratch whose layers attend to the image's patches.

    Args:
        channels: D of the image features.
        labels: C of the plan.
        vocabulary: V.
        hidden_size: H, also of the word embedding.
        layers: number of blocks.
        heads: per attention; divides ``hidden_size``.
        longest: words of the longest report, start and end included.
        dropout: everywhere.
    """

    def __init__(
        self,
        channels: int,
        labels: int,
        vocabulary: int,
        hidden_size: int,
        layers: int,
        heads: int,
        longest: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.image = nn.Linear(channels, hidden_size)
        self.content_plan = nn.Linear(labels, hidden_size)
        config = GPT2Config(
            vocab_size=vocabulary,
            n_positions=longest,
            n_embd=hidden_size,
            n_layer=layers,
            n_head=heads,
            resid_pdrop=dropout,
            embd_pdrop=dropout,
            attn_pdrop=dropout,
            add_cross_attention=True,
            use_cache=False,
            bos_token_id=None,
            eos_token_id=None,
            attn_implementation="eager",  # the others do not say where they looked
        )
        self.language = GPT2LMHeadModel(config)

    def forward(self, patch_features: Tensor, words: Tensor, content_plan: Tensor) -> DecoderOutput:
        """(N, L, D) features, (N, T) words, the start word first, and a plan (N, C), which every word sees."""
        return self._read(patch_features, words, content_plan, None)

    def start(self, patch_features: Tensor, content_plan: Tensor) -> DecoderState:
        """The plan (N, C), and per layer the keys and values (N, heads, 0, H / heads) of nothing read yet."""
        config = self.language.config
        nothing = patch_features.new_zeros(len(patch_features), config.n_head, 0, self.hidden_size // config.n_head)
        return content_plan, *[nothing] * (4 * config.n_layer)

    def step(self, words: Tensor, state: DecoderState, patch_features: Tensor) -> tuple[DecoderOutput, DecoderState]:
        """One word (N,) of each report, beside the keys and values of the words before it and of the image."""
        content_plan, *remembered = state
        layers = [tuple(remembered[first : first + 4]) for first in range(0, len(remembered), 4)]
        cache = EncoderDecoderCache(
            DynamicCache([layer[:2] for layer in layers]), DynamicCache([layer[2:] for layer in layers])
        )
        output = self._read(patch_features, words[:, None], content_plan, cache)
        after = [
            part
            for own, seen in zip(cache.self_attention_cache.layers, cache.cross_attention_cache.layers, strict=True)
            for part in (own.keys, own.values, seen.keys, seen.values)
        ]
        return output, (content_plan, *after)

    def _read(
        self, patch_features: Tensor, words: Tensor, content_plan: Tensor, cache: EncoderDecoderCache | None
    ) -> DecoderOutput:
        """Words (N, T) behind those in the cache, which takes them in."""
        found = self.language(
            inputs_embeds=self.language.transformer.wte(words) + self.content_plan(content_plan)[:, None],
            encoder_hidden_states=self.image(patch_features).expand(len(words), -1, -1).contiguous(),
            past_key_values=cache,
            use_cache=cache is not None,
            output_hidden_states=True,
            output_attentions=True,
        )
        attention = found.cross_attentions[-1].mean(dim=1)  # over heads
        return DecoderOutput(found.logits, found.hidden_states[-1], attention)
