"""A compact transformer behind the decoder interface: the second choice, to see whether the LSTM is what limits."""

import torch
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from cxr.models.report_decoder import DecoderOutput, DecoderState

__all__ = ["TransformerDecoder"]


class TransformerDecoder(nn.Module):
    """A small GPT-2 from scratch whose layers attend to the image's cells.

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
        self.plan = nn.Linear(labels, hidden_size)
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

    def forward(self, cells: Tensor, words: Tensor, plan: Tensor) -> DecoderOutput:
        """(N, L, D) features, (N, T) words, the start word first, and a plan (N, C), which every word sees."""
        found = self.language(
            inputs_embeds=self.language.transformer.wte(words) + self.plan(plan)[:, None],
            encoder_hidden_states=self.image(cells).expand(len(words), -1, -1).contiguous(),
            output_hidden_states=True,
            output_attentions=True,
        )
        attention = found.cross_attentions[-1].mean(dim=1)  # over heads
        return DecoderOutput(found.logits, found.hidden_states[-1], attention)

    def start(self, cells: Tensor, plan: Tensor) -> DecoderState:
        """The words said so far: none, (N, 0); and the plan."""
        return torch.zeros(len(cells), 0, dtype=torch.long, device=cells.device), plan

    def step(self, words: Tensor, state: DecoderState, cells: Tensor) -> tuple[DecoderOutput, DecoderState]:
        """One word (N,) of each report; the words before it are read again."""
        before, plan = state
        spoken = torch.cat([before, words[:, None]], dim=1)
        found = self(cells, spoken, plan)
        last = DecoderOutput(found.logits[:, -1:], found.hidden[:, -1:], found.attention[:, -1:])
        return last, (spoken, plan)
